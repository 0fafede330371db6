#include "hexcore/serve/named_talks.hpp"

#include <gtest/gtest.h>

namespace hexcore::test {
namespace {

TEST(NamedTalks, KeepWhatWasSaidAndLetOneInAtATime) {
    NamedTalks talks;
    ASSERT_TRUE(talks.enter("a").has_value());
    const auto second = talks.enter("a");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().status, 409);
    EXPECT_TRUE(talks.enter("b").has_value());
    talks.leave("a", {{.role = "user", .content = "x"}});
    const auto again = talks.enter("a");
    ASSERT_TRUE(again.has_value());
    ASSERT_EQ(again->size(), 1U);
    EXPECT_EQ((*again)[0].content, "x");
}

TEST(NamedTalks, ForgetWhatNobodyIsIn) {
    NamedTalks talks;
    ASSERT_TRUE(talks.enter("a").has_value());
    talks.leave("a", {{.role = "user", .content = "x"}});
    ASSERT_TRUE(talks.enter("a").has_value());
    talks.forget("a");
    talks.leave("a");
    EXPECT_EQ(talks.enter("a")->size(), 1U);
    talks.leave("a");
    talks.forget("a");
    EXPECT_EQ(talks.enter("a")->size(), 0U);
    talks.leave("a");  // failed: as if it had never been
    EXPECT_EQ(talks.enter("a")->size(), 0U);
}

}  // namespace
}  // namespace hexcore::test
