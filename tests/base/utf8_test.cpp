#include "hexcore/base/utf8.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace hexcore {
namespace {

TEST(Utf8, EachCharacterHasOneByteThatContinuesNone) {
    constexpr std::string_view text = "a\xC3\xBC\xE2\x82\xAC\xF0\x9F\x98\x80";  // one to four bytes
    int begun = 0;
    for (const char byte : text) {
        begun += is_continuation(byte) ? 0 : 1;
    }
    EXPECT_EQ(begun, 4);
}

}  // namespace
}  // namespace hexcore
