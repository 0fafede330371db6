#include "hexcore/session/session_pool.hpp"

#include <gmock/gmock.h>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using Tokens = std::vector<Token>;

class SessionPoolTest : public EngineTest {
protected:
    void make(std::size_t most, const Setting& setting = {}, const SessionOptions& options = {}) {
        pool_.reset();
        start(setting);
        pool_.emplace(*engine_, most, options);
        pool_->on_forgotten = [this](const std::string& name) { forgotten_.push_back(name); };
    }
    void TearDown() override { pool_.reset(); }

    static Request whole(Tokens tokens, std::uint32_t max_tokens = 1) {
        Request asked = request(0, 1, max_tokens);
        asked.tokens = std::move(tokens);
        asked.kind = PromptKind::whole;
        return asked;
    }

    /// `count` tokens of that seed.
    static Tokens some(std::size_t count, std::uint32_t seed) {
        return request(count, seed, 1).tokens;
    }

    static Tokens joined(Tokens first, const Tokens& second) {
        first.insert(first.end(), second.begin(), second.end());
        return first;
    }

    /// A chat's prompt, behind which two tokens open the answer.
    static Request chat(const Tokens& said, std::uint32_t shared, std::uint32_t max_tokens) {
        Request asked = whole(joined(said, {126, 127}), max_tokens);
        asked.shared_tokens = shared;
        asked.opening_tokens = 2;
        return asked;
    }

    struct Given {
        Session* session = nullptr;
        Answer answer;
    };
    Given answered(const Request& asked) {
        Session* session = pool_->for_prompt(asked);
        EXPECT_NE(session, nullptr);
        return {session, answer(*session, asked)};
    }

    std::optional<SessionPool> pool_;
    std::vector<std::string> forgotten_;
};

TEST_F(SessionPoolTest, TheOneThatKnowsMostOfAConversationGoesOnWithIt) {
    make(8);
    Session* first = answered(whole({1, 2, 3, 4, 5})).session;
    Session* other = answered(whole({9, 8, 7, 6, 5})).session;
    EXPECT_NE(first, other);
    EXPECT_EQ(pool_->for_prompt(whole({1, 2, 3, 4, 5, 6, 7})), first);
    EXPECT_EQ(pool_->for_prompt(whole({9, 8, 7, 6, 5, 4})), other);
    EXPECT_EQ(pool_->size(), 2U);
}

TEST_F(SessionPoolTest, NobodyLosesMoreThanIsSaved) {
    make(8);  // nothing can be copied: there is no memory to park in
    Session* first = answered(whole({1, 2, 3, 4, 5, 6, 7})).session;
    EXPECT_EQ(pool_->for_prompt(whole({1, 2, 3, 4, 9, 9})), first);  // 4 saved, 3 lost
    Session* other = pool_->for_prompt(whole({1, 2, 3, 9, 9, 9}));   // 3 saved, 4 lost
    EXPECT_NE(other, first);
    EXPECT_EQ(pool_->size(), 2U);
    // A new one, which nobody asked yet, fits anybody.
    EXPECT_EQ(pool_->for_prompt(whole({5})), other);
}

TEST_F(SessionPoolTest, ASharedSystemPromptTakesNothingFromAConversation) {
    make(8, {.options = {.parking = {.memory = 64_MiB}}});
    const Tokens system = some(150, 1);  // longer than all turns
    const auto a = answered(chat(joined(system, some(20, 2)), 150, 10));
    const auto b = answered(chat(joined(system, some(24, 3)), 150, 10));
    EXPECT_NE(a.session, b.session);
    EXPECT_EQ(b.answer.reused_tokens, 150U);
    const std::size_t kept = a.session->kept();
    const auto back = answered(chat(joined(a.session->tokens(), some(12, 4)), 150, 4));
    EXPECT_EQ(back.session, a.session);
    EXPECT_EQ(back.answer.reused_tokens, kept);
}

TEST_F(SessionPoolTest, AnAnswerThatComesBackInOtherWordsIsTheSameConversation) {
    make(8, {.options = {.parking = {.memory = 64_MiB}}});
    const Tokens question = some(20, 1);
    const auto first = answered(chat(question, 0, 60));  // thoughts, for the most part
    // The client sends the answer alone, and the template opens no thoughts before it.
    const Tokens back = joined(question, joined({126}, some(15, 2)));
    const auto second = answered(chat(back, 0, 4));
    EXPECT_EQ(second.session, first.session);
    EXPECT_GE(second.answer.reused_tokens, 20U);
    // The same question alone may be anybody's.
    const auto stranger = answered(chat(question, 0, 4));
    EXPECT_NE(stranger.session, first.session);
    EXPECT_EQ(stranger.answer.reused_tokens, 21U) << "it is copied";
    EXPECT_EQ(pool_->size(), 2U);
}

TEST_F(SessionPoolTest, WhoWouldHaveToGiveAllUpIsTakenOver) {
    make(8, {.sequences = 1});
    const Tokens system = some(40, 1);
    const auto a = answered(chat(joined(system, some(60, 2)), 40, 10));
    const auto b = answered(chat(joined(system, some(10, 3)), 40, 10));
    EXPECT_EQ(b.session, a.session) << "the only sequence, and nothing can be parked";
    EXPECT_EQ(b.answer.reused_tokens, 40U);
    make(1, {.options = {.parking = {.memory = 64_MiB}}});
    const auto c = answered(chat(joined(system, some(60, 2)), 40, 10));
    const auto d = answered(chat(joined(system, some(10, 3)), 40, 10));
    EXPECT_EQ(d.answer.reused_tokens, 40U) << "the only session would be closed";
    EXPECT_EQ(d.session, c.session);
}

TEST_F(SessionPoolTest, WhatASessionLostIsNotCountedOnAnyMore) {
    make(8, {.sequences = 1});
    const Tokens turns = some(60, 1);
    const auto a = answered(whole(turns, 10));
    Session* named = pool_->named("a").session;
    (void)answer(*named, whole(some(30, 2)));
    EXPECT_EQ(a.session->kept(), 0U);
    EXPECT_EQ(a.session->reusable(whole(turns)), 0U);
    const auto again = answered(whole(turns, 10));
    EXPECT_EQ(again.answer.reused_tokens, 0U);
}

TEST_F(SessionPoolTest, TheLeastRecentlyUsedMakesRoomThoseWithANameLast) {
    make(3);
    const auto named = pool_->named("a");
    EXPECT_TRUE(named.is_new);
    Session* old = answered(whole({1, 2, 3, 4})).session;
    (void)answered(whole({5, 6, 7, 8}));
    EXPECT_EQ(pool_->for_prompt(whole({1, 2, 3, 4, 5})), old);  // used again
    (void)answered(whole({9, 9, 9, 9}));
    EXPECT_EQ(pool_->size(), 3U);
    EXPECT_EQ(pool_->for_prompt(whole({1, 2, 3, 4, 5})), old);
    EXPECT_NE(pool_->named("b").session, nullptr);
    EXPECT_NE(pool_->named("c").session, nullptr);
    EXPECT_TRUE(forgotten_.empty());
    EXPECT_FALSE(pool_->named("a").is_new);
    EXPECT_NE(pool_->named("d").session, nullptr);
    EXPECT_THAT(forgotten_, ElementsAre("b"));
}

TEST_F(SessionPoolTest, OneThatSlidGoesOnWithTheConversationThatMadeItSlide) {
    make(8, {}, {.on_full = OnFull::slide, .keep = 4});
    const Tokens said = some(250, 1);
    const auto slid = answered(whole(said, 20));
    EXPECT_EQ(slid.answer.cache.counts.shifts, 1U);
    const Tokens& held = slid.session->tokens();
    const auto back = answered(whole(joined(said, {held.end() - 20, held.end()}), 20));
    EXPECT_EQ(back.session, slid.session);
    EXPECT_EQ(back.answer.prompt_tokens, 270U - 126);
    EXPECT_EQ(back.answer.reused_tokens, 270U - 126 - 1);
}

TEST_F(SessionPoolTest, WhoAnswersIsNeitherTakenNorClosed) {
    make(1);
    Session* busy = pool_->for_prompt(whole({1}));
    busy->ask(request(4, 1, 2));
    EXPECT_EQ(pool_->for_prompt(whole({1})), nullptr);
    EXPECT_EQ(pool_->named("a").session, nullptr);
    while (engine_->turn()) {
    }
    EXPECT_TRUE(pool_->named("a").is_new);
}

}  // namespace
}  // namespace hexcore::test
