#include <gmock/gmock.h>

#include <limits>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(EngineTest, AnAnswerGoesOnWhereTheSessionStands) {
    start({});
    Session session = open();
    const Answer first = answer(session, request(5, 1, 4));
    EXPECT_EQ(first.stop, StopReason::length);
    EXPECT_EQ(first.prompt_tokens, 5U);
    EXPECT_EQ(first.generated_tokens, 4U);
    EXPECT_EQ(first.computed_tokens, 5U + 3U);
    EXPECT_EQ(session.tokens().size(), 9U);
    const Answer second = answer(session, request(3, 2, 1));
    // The last token of an answer is computed with the next prompt.
    EXPECT_EQ(second.prompt_tokens, 4U);
    EXPECT_EQ(second.cache.counts.tokens_computed, 8U + 4U);
    EXPECT_EQ(second.cache.session_tokens, 12U);
}

TEST_F(EngineTest, EverySessionGetsATokenATurnWhileAPromptIsComputedInPieces) {
    start({.tokens_each = 512, .sequences = 3, .ubatch = 64});
    std::vector<std::string> events;
    const auto watched = [&](const std::string& name, Request asked) {
        asked.on_end = [&events, name](Result<Answer> end) {
            events.push_back(name + (end ? "." : "!"));
        };
        return asked;
    };
    Session a = open();
    Session b = open();
    Session late = open();
    a.ask(watched("a", request(4, 1, 40)));
    b.ask(watched("b", request(4, 2, 40)));
    ASSERT_TRUE(engine_->turn());  // a's prompt
    ASSERT_TRUE(engine_->turn());  // b's
    late.ask(watched("late", request(300, 3, 2)));
    const auto generated = [](const Session& session) { return session.tokens().size() - 4; };
    for (int piece = 0; piece < 5; ++piece) {  // 300 tokens in pieces of 64
        const std::size_t before_a = generated(a);
        const std::size_t before_b = generated(b);
        ASSERT_TRUE(engine_->turn());
        EXPECT_EQ(generated(a), before_a + 1) << piece;
        EXPECT_EQ(generated(b), before_b + 1) << piece;
    }
    while (engine_->turn()) {
    }
    EXPECT_THAT(events, ElementsAre("late.", "a.", "b."));
}

TEST_F(EngineTest, WhoeverCannotHaveCellsWaitsForThoseThatCameBefore) {
    start({.sequences = 1});
    std::vector<int> order;
    std::vector<Session> sessions;
    for (int i = 0; i < 3; ++i) {
        sessions.push_back(open());
        Request asked = request(4, 1, 5);
        asked.on_end = [&order, i](Result<Answer>) { order.push_back(i); };
        sessions.back().ask(std::move(asked));
    }
    ASSERT_TRUE(engine_->turn());
    EXPECT_EQ(engine_->waiting(), 2U);
    EXPECT_EQ(engine_->answering(), 1U);
    while (engine_->turn()) {
    }
    EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST_F(EngineTest, OneThatIsCancelledLeavesTheOthersAsTheyWere) {
    start({.sequences = 3, .options = {.equality = Equality::exact}});
    Session alone = open();
    const std::string expected = bits(answer(alone, request(20, 1, 12)));
    Session kept = open();
    Session cancelled = open();
    std::optional<Answer> kept_answer;
    std::optional<Answer> cancelled_answer;
    Request first = request(20, 1, 12);
    first.on_end = [&](Result<Answer> end) { kept_answer = std::move(end).value(); };
    Request second = request(30, 2, 12);
    second.on_end = [&](Result<Answer> end) { cancelled_answer = std::move(end).value(); };
    kept.ask(std::move(first));
    cancelled.ask(std::move(second));
    for (int turn = 0; turn < 6; ++turn) {
        ASSERT_TRUE(engine_->turn());
    }
    cancelled.cancel();
    (void)engine_->turn();
    ASSERT_TRUE(cancelled_answer.has_value());
    EXPECT_EQ(cancelled_answer->stop, StopReason::interrupted);
    EXPECT_GT(cancelled_answer->generated_tokens, 0U);
    while (engine_->turn()) {
    }
    ASSERT_TRUE(kept_answer.has_value());
    EXPECT_EQ(kept_answer->stop, StopReason::length);
    EXPECT_EQ(bits(*kept_answer), expected);
}

TEST_F(EngineTest, APromptThatIsCancelledWasNeverSaid) {
    start({.tokens_each = 512, .ubatch = 64});
    Session session = open();
    (void)answer(session, request(10, 1, 2));
    const std::vector<Token> before = session.tokens();
    std::optional<Answer> end;
    Request asked = request(300, 2, 2);
    asked.on_end = [&](Result<Answer> result) { end = std::move(result).value(); };
    session.ask(std::move(asked));
    ASSERT_TRUE(engine_->turn());
    session.cancel();
    (void)engine_->turn();
    ASSERT_TRUE(end.has_value());
    EXPECT_EQ(end->stop, StopReason::interrupted);
    EXPECT_EQ(end->prompt_tokens, 0U);
    EXPECT_EQ(session.tokens(), before);
    EXPECT_EQ(session.stats().session_tokens, before.size() - 1);
}

TEST_F(EngineTest, ASessionThatMadeRoomComesBackWithTheSameBits) {
    for (const KvType type : {KvType::f16, KvType::q8_0}) {
        SCOPED_TRACE(to_string(type));
        start({.sequences = 2, .kv_type = type, .options = {.parking = {.memory = 1_MiB}}});
        Session undisturbed = open();
        (void)answer(undisturbed, request(60, 1, 5));
        const std::string expected = bits(answer(undisturbed, request(10, 9, 8)));
        Session session = open();
        (void)answer(session, request(60, 1, 5));
        for (std::uint32_t other = 0; other < 3; ++other) {
            Session guest = open();
            (void)answer(guest, request(40, other, 3));
            Session second = open();
            (void)answer(second, request(40, other, 3));
        }
        EXPECT_EQ(session.stats().counts.parked, 1U);
        const Answer back = answer(session, request(10, 9, 8));
        EXPECT_EQ(back.cache.counts.restored, 1U);
        EXPECT_EQ(back.cache.counts.tokens_evicted, 0U);
        EXPECT_EQ(bits(back), expected);
    }
}

TEST_F(EngineTest, BeyondMemorySessionsGoToFilesAndComeBackWithTheSameBits) {
    const std::filesystem::path folder = folder_.path() / "parked";
    start({.sequences = 1,
           .options = {.parking = {.memory = 140_KiB, .files = 1_MiB, .folder = folder}}});
    Session session = open();
    const std::string expected = [&] {
        Session undisturbed = open();
        (void)answer(undisturbed, request(60, 1, 5));
        return bits(answer(undisturbed, request(10, 9, 8)));
    }();
    (void)answer(session, request(60, 1, 5));
    std::vector<Session> others;
    for (std::uint32_t other = 0; other < 3; ++other) {
        others.push_back(open());
        (void)answer(others.back(), request(60, other, 3));
    }
    EXPECT_GT(engine_->stats().parked_files, 0_B);
    EXPECT_LE(engine_->stats().parked_memory, 140_KiB);
    const Answer back = answer(session, request(10, 9, 8));
    EXPECT_EQ(back.cache.counts.restored, 1U);
    EXPECT_EQ(bits(back), expected);
    others.clear();
    EXPECT_EQ(engine_->stats().parked_files, 0_B);
}

TEST_F(EngineTest, WhoeverIsAskedIsNotGivenUpForTheOneThatMakesRoom) {
    // Room for one state in memory and one in files.
    start({.sequences = 1,
           .options = {.parking = {.memory = 140_KiB,
                                   .files = 140_KiB,
                                   .folder = folder_.path() / "parked"}}});
    std::vector<Session> sessions;
    for (std::uint32_t i = 0; i < 3; ++i) {
        sessions.push_back(open());
        (void)answer(sessions.back(), request(60, i, 5));
    }
    ASSERT_GT(engine_->stats().parked_memory, 70_KiB);
    ASSERT_GT(engine_->stats().parked_files, 70_KiB);
    EXPECT_EQ(answer(sessions.front(), request(10, 9, 8)).cache.counts.restored, 1U);
}

TEST_F(EngineTest, WithoutRoomToParkTokensAreComputedAgainAsTheyWere) {
    start({.sequences = 1, .options = {.equality = Equality::exact}});
    Session session = open();
    (void)answer(session, request(60, 1, 5));
    {
        Session other = open();
        (void)answer(other, request(60, 2, 5));
    }
    const Answer back = answer(session, request(10, 9, 8));
    EXPECT_EQ(back.cache.counts.tokens_evicted, 64U);
    EXPECT_EQ(back.computed_tokens, 65U + 10U + 7U);
    Session undisturbed = open();
    (void)answer(undisturbed, request(60, 1, 5));
    EXPECT_EQ(bits(back), bits(answer(undisturbed, request(10, 9, 8))));
}

TEST_F(EngineTest, AWholeConversationReusesWhatTheSessionHoldsOfIt) {
    start({});
    Session session = open();
    Request first = request(50, 1, 4);
    first.kind = PromptKind::whole;
    (void)answer(session, first);
    Request second = request(20, 2, 4);
    second.kind = PromptKind::whole;
    second.tokens.insert(second.tokens.begin(), session.tokens().begin(), session.tokens().end());
    const Answer reused = answer(session, second);
    EXPECT_EQ(reused.reused_tokens, 53U);
    EXPECT_EQ(reused.prompt_tokens, 74U);
    EXPECT_EQ(reused.computed_tokens, 21U + 3U);
    // Another ending: what differs is forgotten.
    Request third = first;
    third.tokens.resize(40);
    EXPECT_EQ(answer(session, third).reused_tokens, 39U);
}

TEST_F(EngineTest, ASharedBeginningIsComputedOnce) {
    for (const Equality equality : {Equality::close, Equality::exact}) {
        start({.options = {.equality = equality, .parking = {.memory = 4_MiB}}});
        std::vector<std::string> answers;
        std::vector<std::uint64_t> computed;
        for (int user = 0; user < 3; ++user) {
            Session session = open();
            Request asked = request(90, 1, 6);  // the same for all
            const Request own = request(20, 7, 0);
            asked.tokens.insert(asked.tokens.end(), own.tokens.begin(), own.tokens.end());
            asked.kind = PromptKind::whole;
            asked.shared_tokens = 90;
            const Answer given = answer(session, asked);
            answers.push_back(bits(given));
            computed.push_back(given.computed_tokens);
        }
        EXPECT_THAT(computed, ElementsAre(115U, 25U, 25U));
        EXPECT_EQ(answers[1], answers[0]);
        EXPECT_EQ(answers[2], answers[0]);
    }
}

TEST_F(EngineTest, ASessionThatIsClosedTellsWhoeverAsked) {
    start({});
    std::vector<StopReason> ends;
    {
        Session session = open();
        Request asked = request(4, 1, 50);
        asked.on_end = [&ends](Result<Answer> end) { ends.push_back(end.value().stop); };
        session.ask(std::move(asked));
        ASSERT_TRUE(engine_->turn());
        EXPECT_TRUE(ends.empty());
    }
    EXPECT_THAT(ends, ElementsAre(StopReason::interrupted));
    EXPECT_FALSE(engine_->turn());
    EXPECT_EQ(engine_->stats().cells_used, 0U);
}

TEST_F(EngineTest, AnEndMayAskAgainAndCloseSessions) {
    start({});
    std::optional<Session> first = open();
    Session second = open();
    int ends = 0;
    Request again = request(4, 2, 2);
    again.on_end = [&](Result<Answer>) { ++ends; };
    Request asked = request(4, 1, 2);
    asked.on_end = [&](Result<Answer>) {
        ++ends;
        first.reset();
        second.ask(again);
    };
    first->ask(asked);
    while (engine_->turn()) {
    }
    EXPECT_EQ(ends, 2);
}

TEST_F(EngineTest, BiasesThatLeaveNothingAreAnError) {
    start({});
    Session session = open();
    Request asked = request(4, 1, 2);
    for (Token token = 0; token < 128; ++token) {
        asked.biases.push_back({token, -std::numeric_limits<float>::infinity()});
    }
    const auto end = engine_->answer(session, asked);
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(end.error().code, ErrorCode::negative);
    EXPECT_TRUE(session.tokens().empty());
}

TEST_F(EngineTest, ASessionThatHadTokensGoesOnWithThoseOfAFile) {
    start({.sequences = 1});
    const std::filesystem::path file = folder_.path() / "a.session";
    std::string expected;
    {
        Session saved = open();
        (void)answer(saved, request(30, 1, 3));
        ASSERT_TRUE(saved.save_to(file, "").has_value());
        expected = bits(answer(saved, request(5, 2, 4)));
    }
    // Of another form of cache, so that its tokens have to be computed; they begin alike.
    start({.tokens_each = 512, .sequences = 1});
    std::string computed;
    {
        Session fresh = open();
        ASSERT_NE(fresh.load_from(file).value().problem, "");
        computed = bits(answer(fresh, request(5, 2, 4)));
    }
    {
        Session session = open();
        (void)answer(session, request(40, 1, 3));
        ASSERT_NE(session.load_from(file).value().problem, "");
        EXPECT_EQ(session.stats().session_tokens, 0U);
        EXPECT_EQ(bits(answer(session, request(5, 2, 4))), computed);
    }
    start({.sequences = 1});
    Session back = open();
    (void)answer(back, request(40, 1, 3));
    EXPECT_EQ(back.load_from(file).value().problem, "");
    EXPECT_EQ(bits(answer(back, request(5, 2, 4))), expected);
}

TEST_F(EngineTest, BadRequestsAreRefusedAndChangeNothing) {
    start({});
    Session session = open();
    const auto refused = [&](Request asked, const char* because) {
        const auto end = engine_->answer(session, std::move(asked));
        ASSERT_FALSE(end.has_value());
        EXPECT_EQ(end.error().code, ErrorCode::usage);
        EXPECT_THAT(end.error().message, HasSubstr(because));
        EXPECT_TRUE(session.idle());
        EXPECT_TRUE(session.tokens().empty());
    };
    Request foreign = request(3, 1, 1);
    foreign.tokens[1] = 128;
    refused(foreign, "none of the model's 128");
    foreign.tokens[1] = -1;
    refused(foreign, "none of the model's 128");
    refused(request(257, 1, 1), "has 257 tokens and the context has room for 256");
    Request hot = request(3, 1, 1);
    hot.sampling.temperature = std::numeric_limits<float>::quiet_NaN();
    refused(hot, "temperature is nan");
    Request biased = request(3, 1, 1);
    biased.biases = {{.token = 4000, .bias = 1}};
    refused(biased, "logit bias");
    const auto ruled = ParsedGrammar::make(*model_, {.rules = "root = nonsense"});
    ASSERT_FALSE(ruled.has_value());
    EXPECT_THAT(ruled.error().message, HasSubstr("a grammar needs a model with a tokenizer"));
    const auto keeps_too_much = engine_->open({.on_full = OnFull::slide, .keep = 200});
    ASSERT_FALSE(keeps_too_much.has_value());
    EXPECT_EQ(keeps_too_much.error().code, ErrorCode::usage);
}

TEST_F(EngineTest, TokensOfATextAreMadeAgainWhereTheSessionStandsElsewhere) {
    start({});
    Session session = open();
    Request text = request(3, 1, 1);
    text.text = "of which they are the tokens at the start";
    text.tokens_place = TextPlace::within;
    const auto elsewhere = engine_->answer(session, text);
    ASSERT_FALSE(elsewhere.has_value());
    EXPECT_THAT(elsewhere.error().message, HasSubstr("no tokenizer"));
    text.tokens_place = TextPlace::start;
    EXPECT_EQ(answer(session, text).prompt_tokens, 3U);
}

TEST_F(EngineTest, WhatIsAllOrNothingIsUndoneWhereItIsInterrupted) {
    start({.options = {.equality = Equality::exact}});
    Session session = open();
    Session twin = open();
    (void)answer(session, request(70, 1, 5));
    (void)answer(twin, request(70, 1, 5));
    const auto before = session.tokens();
    // Before it has cells, between the two pieces of its prompt, and within its answer.
    for (const int turns : {0, 1, 2, 6}) {
        Request cut = request(100, 2, 50);
        cut.all_or_nothing = true;
        std::optional<Result<Answer>> end;
        cut.on_end = [&end](Result<Answer> given) { end = std::move(given); };
        session.ask(std::move(cut));
        for (int turn = 0; turn < turns; ++turn) {
            EXPECT_TRUE(engine_->turn());
        }
        session.cancel();
        EXPECT_FALSE(engine_->turn());
        ASSERT_TRUE(end->has_value());
        EXPECT_EQ((*end)->stop, StopReason::interrupted);
        EXPECT_EQ((*end)->prompt_tokens, 0U);
        EXPECT_EQ(session.tokens(), before);
    }
    EXPECT_EQ(bits(answer(session, request(9, 3, 6))), bits(answer(twin, request(9, 3, 6))));
}

}  // namespace
}  // namespace hexcore::test
