#include "hexcore/session/session_pool.hpp"

#include <gmock/gmock.h>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;

class SessionPoolTest : public EngineTest {
protected:
    void make(std::size_t most) {
        start({});
        pool_.emplace(*engine_, most);
        pool_->on_forgotten = [this](const std::string& name) { forgotten_.push_back(name); };
    }
    void TearDown() override { pool_.reset(); }

    /// The session for a prompt, once it has answered with one token.
    Session* answered(const std::vector<Token>& tokens) {
        Session* session = pool_->for_prompt(tokens);
        EXPECT_NE(session, nullptr);
        Request asked = request(0, 1, 1);
        asked.tokens = tokens;
        asked.kind = PromptKind::whole;
        (void)answer(*session, std::move(asked));
        return session;
    }

    std::optional<SessionPool> pool_;
    std::vector<std::string> forgotten_;
};

TEST_F(SessionPoolTest, TheOneThatKnowsMostOfAConversationGoesOnWithIt) {
    make(8);
    Session* first = answered({1, 2, 3, 4, 5});
    Session* other = answered({9, 8, 7, 6, 5});
    EXPECT_NE(first, other);
    EXPECT_EQ(pool_->for_prompt(std::vector<Token>{1, 2, 3, 4, 5, 6, 7}), first);
    EXPECT_EQ(pool_->for_prompt(std::vector<Token>{9, 8, 7, 6, 5, 4}), other);
    EXPECT_EQ(pool_->size(), 2U);
}

TEST_F(SessionPoolTest, OneOfWhichLessThanHalfIsSharedIsLeftAlone) {
    make(8);
    Session* first = answered({1, 2, 3, 4, 5, 6, 7});  // and one token of the answer
    EXPECT_EQ(pool_->for_prompt(std::vector<Token>{1, 2, 3, 4, 9, 9}), first);
    Session* other = pool_->for_prompt(std::vector<Token>{1, 2, 3, 9, 9, 9});
    EXPECT_NE(other, first);
    EXPECT_EQ(pool_->size(), 2U);
    // A new one, which nobody asked yet, fits anybody.
    EXPECT_EQ(pool_->for_prompt(std::vector<Token>{5}), other);
}

TEST_F(SessionPoolTest, TheLeastRecentlyUsedMakesRoomThoseWithANameLast) {
    make(3);
    const auto named = pool_->named("a");
    EXPECT_TRUE(named.is_new);
    Session* old = answered({1, 2, 3, 4});
    Session* newer = answered({5, 6, 7, 8});
    EXPECT_EQ(pool_->for_prompt(std::vector<Token>{1, 2, 3, 4, 5}), old);  // used again
    (void)answered({9, 9, 9, 9});
    EXPECT_EQ(pool_->size(), 3U);
    EXPECT_EQ(pool_->for_prompt(std::vector<Token>{1, 2, 3, 4, 5}), old);
    EXPECT_NE(pool_->named("b").session, nullptr);
    EXPECT_NE(pool_->named("c").session, nullptr);
    EXPECT_TRUE(forgotten_.empty());
    EXPECT_FALSE(pool_->named("a").is_new);
    EXPECT_NE(pool_->named("d").session, nullptr);
    EXPECT_THAT(forgotten_, ElementsAre("b"));
    (void)newer;
}

TEST_F(SessionPoolTest, WhoAnswersIsNeitherTakenNorClosed) {
    make(1);
    Session* busy = pool_->for_prompt(std::vector<Token>{1});
    busy->ask(request(4, 1, 2));
    EXPECT_EQ(pool_->for_prompt(std::vector<Token>{1}), nullptr);
    EXPECT_EQ(pool_->named("a").session, nullptr);
    while (engine_->turn()) {
    }
    EXPECT_TRUE(pool_->named("a").is_new);
}

}  // namespace
}  // namespace hexcore::test
