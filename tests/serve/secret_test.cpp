#include "hexcore/serve/secret.hpp"

#include <gtest/gtest.h>

namespace hexcore::test {
namespace {

TEST(Secret, IsTheWholeOfItAndNothingElse) {
    EXPECT_TRUE(is_secret("key", "key"));
    for (const char* other : {"", "k", "ke", "kex", "keyy", "keykey", "Key"}) {
        EXPECT_FALSE(is_secret(other, "key")) << other;
    }
    EXPECT_FALSE(is_secret("a", ""));
}

}  // namespace
}  // namespace hexcore::test
