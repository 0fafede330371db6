#include "hexcore/base/whole_number.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(WholeNumber, DigitsAreANumberUpToTheLargest) {
    EXPECT_EQ(whole_number("0"), 0U);
    EXPECT_EQ(whole_number("007"), 7U);
    EXPECT_EQ(whole_number("18446744073709551615"), ~0ULL);
    EXPECT_EQ(whole_number<std::uint16_t>("65535"), 65535U);
}

TEST(WholeNumber, MoreThanTheTypeHoldsIsNone) {
    EXPECT_FALSE(whole_number("18446744073709551616"));
    EXPECT_FALSE(whole_number<std::uint32_t>("4294967296"));
    EXPECT_FALSE(whole_number<std::uint16_t>("65536"));
}

TEST(WholeNumber, AnythingBesideTheDigitsIsNone) {
    using namespace std::string_view_literals;
    for (const std::string_view text : {""sv, " "sv, "-1"sv, "+1"sv, " 1"sv, "1 "sv, "1\n"sv,
                                        "1k"sv, "1.0"sv, "1e3"sv, "0x10"sv, "1\0"sv, "max"sv}) {
        EXPECT_FALSE(whole_number(text)) << '\'' << text << '\'';
    }
}

TEST(WholeNumber, OnlyWhatTheViewCoversIsRead) {
    EXPECT_EQ(whole_number(std::string_view("1234").substr(1, 2)), 23U);
}

}  // namespace
}  // namespace hexcore
