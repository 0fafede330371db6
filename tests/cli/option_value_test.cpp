#include "hexcore/cli/option_value.hpp"

#include <gtest/gtest.h>

#include <string>

namespace hexcore {
namespace {

/// What the check makes of a value; "refused" where it complains, naming the value.
std::string checked(const CLI::Validator& check, std::string value) {
    const std::string given = value;
    const std::string complaint = check(value);
    EXPECT_TRUE(complaint.empty() || complaint.find(given) != std::string::npos) << complaint;
    return complaint.empty() ? value : "refused";
}

TEST(OptionValue, NumbersThatAreNoneAreInNoRange) {
    for (const char* value : {"nan", "NaN", "-nan", "inf", "1e999", "-0.1", "1.1", "x", "", "1x"}) {
        EXPECT_EQ(checked(number_between(0, 1), value), "refused") << value;
    }
    for (const char* value : {"0", "1", "0.5", "1e-3"}) {
        EXPECT_EQ(checked(number_between(0, 1), value), value);
    }
    EXPECT_EQ(checked(number_from(0), "nan"), "refused");
    EXPECT_EQ(checked(number_from(0), "-1"), "refused");
    EXPECT_EQ(checked(number_from(0), "1e300"), "1e300");
}

TEST(OptionValue, WholeNumbersAreSaidAsTheyAre) {
    for (const char* value : {"0", "80", "65535"}) {
        EXPECT_EQ(checked(whole_between(0, 65535), value), value);
    }
    for (const char* value : {"-1", "65536", "1.5", "80a", "", "1e3", "99999999999999999999"}) {
        EXPECT_EQ(checked(whole_between(0, 65535), value), "refused") << value;
    }
    std::string value = "5000000";
    EXPECT_EQ(whole_between(1, 4'194'304)(value),
              "5000000 is not a whole number from 1 to 4194304");
    EXPECT_EQ(number_between(1, 3'600'000)(value), "5000000 is not a number from 1 to 3600000");
}

TEST(OptionValue, TokensMayBeCountedInThousands) {
    const CLI::Validator tokens = token_count(16U << 20U);
    EXPECT_EQ(checked(tokens, "32k"), "32768");
    EXPECT_EQ(checked(tokens, "128K"), "131072");
    EXPECT_EQ(checked(tokens, "1m"), "1048576");
    EXPECT_EQ(checked(tokens, "4096"), "4096");
    EXPECT_EQ(checked(tokens, "16M"), "16777216");
    for (const char* value : {"0", "0k", "k", "-1", "1.5k", "17M", "16385k", "32kk", "32 k", "",
                              "18014398509481984k", "99999999999999999999"}) {
        EXPECT_EQ(checked(tokens, value), "refused") << value;
    }
}

TEST(OptionValue, TokensMayBeASizeOfTheirCache) {
    const CLI::Validator tokens = token_count_or_size(16U << 20U);
    EXPECT_EQ(checked(tokens, "32k"), "32768");
    for (const char* value : {"300MiB", "1.5GiB", "1GB", "1000B"}) {
        EXPECT_EQ(checked(tokens, value), value);
        EXPECT_TRUE(is_size(value));
    }
    EXPECT_FALSE(is_size("32768"));
    for (const char* value : {"0", "17M", "300MeB", "B", "-1MiB", "1.5"}) {
        EXPECT_EQ(checked(tokens, value), "refused") << value;
    }
}

TEST(OptionValue, MinusOneStandsForWhatTheOptionSays) {
    EXPECT_EQ(checked(count_or_unlimited(0), "-1"), "0");
    EXPECT_EQ(checked(count_or_unlimited(0), "7"), "7");
    EXPECT_EQ(checked(count_or_unlimited(0), "0"), "refused");
    EXPECT_EQ(checked(count_or_unlimited(0), "-2"), "refused");
    EXPECT_EQ(checked(seed_or_random(77), "-1"), "77");
    EXPECT_EQ(checked(seed_or_random(77), "0"), "0");
    EXPECT_EQ(checked(seed_or_random(77), "4294967295"), "4294967295");
    EXPECT_EQ(checked(seed_or_random(77), "4294967296"), "refused");
}

TEST(OptionValue, SizesAreThoseOfDevices) {
    EXPECT_EQ(checked(byte_size(), "1.5GiB"), "1.5GiB");
    EXPECT_EQ(checked(byte_size(), "much"), "refused");
}

}  // namespace
}  // namespace hexcore
