#include "hexcore/serve/named_talks.hpp"

#include <gtest/gtest.h>

namespace hexcore::test {
namespace {

constexpr auto chat = NamedTalks::Kind::chat;
constexpr auto text = NamedTalks::Kind::text;

TEST(NamedTalks, KeepWhatWasSaidAndLetOneInAtATime) {
    NamedTalks talks;
    ASSERT_TRUE(talks.enter("a", chat).has_value());
    const auto second = talks.enter("a", chat);
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().status, 409);
    EXPECT_TRUE(talks.enter("b", chat).has_value());
    talks.leave("a", {{.role = "user", .content = "x"}});
    const auto again = talks.enter("a", chat);
    ASSERT_TRUE(again.has_value());
    ASSERT_EQ(again->messages.size(), 1U);
    EXPECT_EQ(again->messages[0].content, "x");
}

TEST(NamedTalks, ForgetWhatNobodyIsIn) {
    NamedTalks talks;
    ASSERT_TRUE(talks.enter("a", chat).has_value());
    talks.leave("a", {{.role = "user", .content = "x"}});
    ASSERT_TRUE(talks.enter("a", chat).has_value());
    talks.forget("a");
    talks.leave("a");
    EXPECT_EQ(talks.enter("a", chat)->messages.size(), 1U);
    talks.leave("a");
    talks.forget("a");
    EXPECT_EQ(talks.enter("a", chat)->messages.size(), 0U);
    talks.leave("a");  // failed: as if it had never been
    EXPECT_EQ(talks.enter("a", text)->messages.size(), 0U);
}

TEST(NamedTalks, GoOnAsWhatTheyBegan) {
    NamedTalks talks;
    ASSERT_TRUE(talks.enter("a", chat).has_value());
    talks.leave("a", {{.role = "user", .content = "x"}});
    const auto other = talks.enter("a", text);
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().status, 400);
    EXPECT_EQ(other.error().param, "session_id");
    EXPECT_EQ(talks.enter("a", chat)->messages.size(), 1U);
    talks.leave("a");
    talks.forget("a");
    EXPECT_EQ(talks.enter("a", text)->messages.size(), 0U);
}

}  // namespace
}  // namespace hexcore::test
