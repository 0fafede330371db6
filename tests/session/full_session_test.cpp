// Sessions that have no cell left: they stop, or slide.
#include <gmock/gmock.h>

#include <algorithm>

#include "hexcore/runtime/dry_run.hpp"
#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

TEST_F(EngineTest, AFullSessionStopsAndLosesNothing) {
    start({.sequences = 1});
    Session session = open();
    const Answer full = answer(session, request(250, 1, 0));
    EXPECT_EQ(full.stop, StopReason::context_full);
    // The last one needs no cell.
    EXPECT_EQ(full.generated_tokens, 256U - 250U + 1U);
    EXPECT_EQ(session.stats().session_tokens, 256U);
    const auto more = engine_->answer(session, request(1, 2, 1));
    ASSERT_FALSE(more.has_value());
    EXPECT_EQ(more.error().code, ErrorCode::usage);
    EXPECT_THAT(more.error().message, HasSubstr("the context has room for 0"));
    EXPECT_EQ(session.tokens().size(), 257U);
}

TEST_F(EngineTest, ASessionMayHaveABoundOfItsOwn) {
    start({});
    Session by_tokens = open({.most_tokens = 40});
    const Answer full = answer(by_tokens, request(30, 1, 0));
    EXPECT_EQ(full.stop, StopReason::context_full);
    EXPECT_EQ(full.generated_tokens, 40U - 30U + 1U);
    EXPECT_EQ(full.cache.session_cells, 40U);
    const Bytes token(full.cache.session_bytes.count() / 40);
    Session by_bytes = open({.most_bytes = token * 25 + 1_B});
    EXPECT_EQ(answer(by_bytes, request(20, 1, 0)).cache.session_bytes, token * 25);
    Session sliding = open({.on_full = OnFull::slide, .keep = 4, .most_tokens = 32});
    const Answer slid = answer(sliding, request(30, 1, 40));
    EXPECT_EQ(slid.stop, StopReason::length);
    EXPECT_GT(slid.cache.counts.shifts, 1U);
    EXPECT_EQ(slid.cache.session_tokens_high_water, 32U);
    Session other = open();
    EXPECT_EQ(answer(other, request(60, 1, 1)).cache.session_cells, 256U);
}

TEST_F(EngineTest, ABoundThatHasRoomForNoTokenIsRefused) {
    start({.sequences = 1});
    const auto session = engine_->open({.most_bytes = 1_B});
    ASSERT_FALSE(session.has_value());
    EXPECT_EQ(session.error().code, ErrorCode::usage);
    EXPECT_THAT(session.error().message, HasSubstr("has room for no token"));
}

TEST_F(EngineTest, AFullSessionSlidesAndKeepsItsStart) {
    start({.sequences = 1});
    Session session = open({.on_full = OnFull::slide, .keep = 8});
    const Request asked = request(100, 1, 1000);
    const std::vector<Token> start(asked.tokens.begin(), asked.tokens.begin() + 8);
    const Answer answer_of_four_windows = answer(session, asked);
    EXPECT_EQ(answer_of_four_windows.stop, StopReason::length);
    EXPECT_EQ(answer_of_four_windows.generated_tokens, 1000U);
    const CacheCounts& counts = answer_of_four_windows.cache.counts;
    EXPECT_EQ(counts.shifts, 7U);
    EXPECT_EQ(counts.tokens_evicted, 7U * 124U);
    EXPECT_EQ(std::vector<Token>(session.tokens().begin(), session.tokens().begin() + 8), start);
    EXPECT_EQ(session.tokens().size(), 1100U - counts.tokens_evicted);
}

/// Takes all that is left of every device's budget, as somebody else may have.
std::vector<LedgerEntry> take_the_rest(Machine& machine) {
    std::vector<LedgerEntry> taken;
    for (std::size_t i = 0; i < machine.size(); ++i) {
        Ledger& ledger = machine.device(DeviceId(i)).memory().ledger();
        taken.push_back(ledger.take(ledger.budget().free(), Purpose::staging).value());
    }
    return taken;
}

TEST_F(EngineTest, ARefusedShiftIsAnErrorAndNeverWrongText) {
    // Without room for it in the plan, what moves keys is asked for when the session slides; those
    // of a quantised cache take more than there was for anything else.
    const Setting setting{.tokens_each = 2048,
                          .sequences = 1,
                          .kv_type = KvType::q8_0,
                          .options = {.equality = Equality::exact}};
    start(setting);
    std::string expected;
    {
        Session undisturbed = open();
        (void)answer(undisturbed, request(2000, 1, 4));
        expected = bits(answer(undisturbed, request(20, 2, 4)));
    }
    start(setting);
    Session session = open({.on_full = OnFull::slide, .keep = 8});
    (void)answer(session, request(2000, 1, 4));
    const std::vector<Token> before = session.tokens();
    {
        const auto taken = take_the_rest(*machine_);
        const auto refused = engine_->answer(session, request(100, 3, 4));
        ASSERT_FALSE(refused.has_value());
        EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
        EXPECT_EQ(session.tokens(), before);
    }
    EXPECT_EQ(bits(answer(session, request(20, 2, 4))), expected);
    EXPECT_EQ(answer(session, request(100, 3, 4)).stop, StopReason::length);
}

TEST_F(EngineTest, ASlidSessionParksAndReturnsWithTheSameLogits) {
    for (const KvType type : {KvType::f16, KvType::q8_0}) {
        SCOPED_TRACE(to_string(type));
        const auto last_answer = [&](bool parks) {
            start({.sequences = 1,
                   .kv_type = type,
                   .options = {.equality = Equality::exact, .parking = {.memory = 64_MiB}}});
            Session session = open({.on_full = OnFull::slide, .keep = 8});
            EXPECT_GT(answer(session, request(200, 1, 300)).cache.counts.shifts, 1U);
            if (parks) {
                Session other = open();
                EXPECT_EQ(answer(other, request(30, 2, 4)).cache.sessions_parked, 1U);
            }
            const Answer given = answer(session, request(20, 3, 200));
            EXPECT_EQ(given.cache.counts.restored, parks ? 1U : 0U);
            EXPECT_GT(given.cache.counts.shifts, 2U);
            return bits(given);
        };
        EXPECT_EQ(last_answer(true), last_answer(false));
    }
}

TEST_F(EngineTest, WhoeverSlidesMovesNoKeysOfTheSessionThatItsBeginningCameFrom) {
    const auto last_answer = [&](bool slides) {
        start({.options = {.equality = Equality::exact, .parking = {.memory = 64_MiB}}});
        Session first = open();
        (void)answer(first, request(128, 1, 4));
        if (slides) {
            Session second = open({.on_full = OnFull::slide, .keep = 8});
            Request asked = request(128, 1, 200);
            asked.kind = PromptKind::whole;
            const Answer slid = answer(second, asked);
            EXPECT_GT(slid.reused_tokens, 0U);
            EXPECT_GT(slid.cache.counts.shifts, 0U);
        }
        return bits(answer(first, request(20, 2, 20)));
    };
    EXPECT_EQ(last_answer(true), last_answer(false));
}

TEST_F(EngineTest, OfAPromptThatIsTooLongASessionThatSlidesTakesItsStartAndItsNewest) {
    for (const PromptKind kind : {PromptKind::whole, PromptKind::behind}) {
        start({.sequences = 1});
        Session session = open({.on_full = OnFull::slide, .keep = 8});
        Request asked = request(600, 1, 3);
        asked.kind = kind;
        asked.shared_tokens = 20;
        std::vector<Token> expected(asked.tokens.begin(), asked.tokens.begin() + 8);
        // Half of what it may forget, 124 tokens, as often as is needed.
        expected.insert(expected.end(), asked.tokens.begin() + 8 + 3 * 124, asked.tokens.end());
        const Answer given = answer(session, asked);
        EXPECT_EQ(given.stop, StopReason::length);
        EXPECT_EQ(given.prompt_tokens, 600U - 3 * 124);
        EXPECT_EQ(given.cache.counts.shifts, 0U);
        EXPECT_EQ(
            std::vector<Token>(session.tokens().begin(), session.tokens().begin() + 600 - 3 * 124),
            expected);
    }
}

TEST_F(EngineTest, AConversationThatOutgrowsTheContextIsReusedBetweenItsSlides) {
    start({.sequences = 1});
    Session session = open({.on_full = OnFull::slide, .keep = 8});
    std::vector<Token> said = request(60, 1, 0).tokens;
    std::vector<std::uint32_t> computed;
    for (std::uint32_t turn = 0; turn < 24; ++turn) {
        Request asked = request(0, 1, 20);
        asked.tokens = said;
        asked.kind = PromptKind::whole;
        const Answer given = answer(session, asked);
        ASSERT_EQ(given.stop, StopReason::length);
        computed.push_back(given.prompt_tokens - given.reused_tokens);
        said.insert(said.end(), session.tokens().end() - 20, session.tokens().end());
        const Request more = request(10, 100 + turn, 0);
        said.insert(said.end(), more.tokens.begin(), more.tokens.end());
    }
    // 60 tokens and 30 a turn are 780, which is four times 124 over the context. In an answer it
    // slides as the next prompt will; where a prompt is what is too long, half is computed anew.
    EXPECT_LE(std::ranges::count_if(computed, [](std::uint32_t n) { return n > 11; }), 1 + 5);
    EXPECT_GE(std::ranges::count(computed, 11U), 18);
}

TEST_F(EngineTest, WhatMovesKeysIsPlannedAndTakenWhileTheModelLoads) {
    for (const KvType type : {KvType::f16, KvType::q8_0, KvType::q4_0}) {
        SCOPED_TRACE(to_string(type));
        const Setting setting{
            .tokens_each = 2048, .sequences = 1, .kv_type = type, .shift = KeyShift::planned};
        start(setting);
        LoadOptions loading = load_options();
        loading.context.shift = KeyShift::planned;
        const auto planned = make_dry_run(*machine_, inventory_, loading.context)(model_->plan());
        ASSERT_TRUE(planned.has_value()) << planned.error().message;
        const auto expect_planned = [&] {
            for (std::size_t i = 0; i < machine_->size(); ++i) {
                EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted(), planned->devices[i]);
            }
            EXPECT_EQ(model_->host_usage(), planned->host);
        };
        expect_planned();
        Session session = open({.on_full = OnFull::slide});
        EXPECT_EQ(answer(session, request(2040, 1, 20)).cache.counts.shifts, 1U);
        expect_planned();
    }
}

}  // namespace
}  // namespace hexcore::test
