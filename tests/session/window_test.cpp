// What a session with a sliding window can reuse, and what it can where it keeps all cells.

#include <gtest/gtest.h>

#include "session/engine_fixture.hpp"

namespace hexcore::test {
namespace {

class WindowTest : public EngineTest {
protected:
    void SetUp() override { write_kind("gpt-oss"); }

    /// How many tokens of a text that begins like an older, longer one are not computed again.
    std::uint32_t reused_beginning(Session& session) {
        constexpr std::size_t common = 100;
        Request again = request(common, 1, 1);
        again.tokens.push_back(77);
        again.kind = PromptKind::whole;
        return answer(session, std::move(again)).reused_tokens;
    }
};

TEST_F(WindowTest, KeepsNoBeginningThatTheWindowHasLeftBehind) {
    start({.tokens_each = 1024});
    EXPECT_EQ(engine_->abilities().forget, Forgetting::within_reach);
    Session session = open();
    (void)answer(session, request(800, 1, 1));
    EXPECT_EQ(reused_beginning(session), 0U);
}

TEST_F(WindowTest, KeepsEveryBeginningWhereItHasTheCellsOfAllTokens) {
    start({.tokens_each = 1024, .swa_full = true});
    EXPECT_EQ(engine_->abilities().forget, Forgetting::in_cache);
    EXPECT_FALSE(engine_->abilities().slide);
    Session session = open();
    (void)answer(session, request(800, 1, 1));
    EXPECT_EQ(reused_beginning(session), 100U);
}

}  // namespace
}  // namespace hexcore::test
