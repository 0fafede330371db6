#include "hexcore/base/bytes.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(Bytes, ReadsBinaryAndDecimalUnits) {
    EXPECT_EQ(parse_bytes("16GiB").value(), 16_GiB);
    EXPECT_EQ(parse_bytes("16GB").value(), Bytes(16'000'000'000));
    EXPECT_EQ(parse_bytes("1.5GiB").value(), Bytes(1'610'612'736));
    EXPECT_EQ(parse_bytes("512mib").value(), 512_MiB);
    EXPECT_EQ(parse_bytes("12345").value(), 12345_B);
    EXPECT_EQ(parse_bytes("9007199254740993").value(), Bytes(9'007'199'254'740'993));
}

TEST(Bytes, RefusesWhatIsNotASize) {
    for (const char* text : {"", "GiB", "-1GiB", "+1", "1 GiB", "1e3", "16XB", "nan", "inf", "1..5",
                             "99999999999TiB", ".5GiB"}) {
        const auto parsed = parse_bytes(text);
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().code, ErrorCode::usage) << text;
        EXPECT_NE(parsed.error().message.find(text), std::string::npos) << text;
    }
}

TEST(Bytes, AreShownInTheUnitThatAPersonExpects) {
    EXPECT_EQ(to_string(0_B), "0 B");
    EXPECT_EQ(to_string(1023_B), "1023 B");
    EXPECT_EQ(to_string(1_KiB), "1.0 KiB");
    EXPECT_EQ(to_string(Bytes(99'090'432)), "94.5 MiB");
    EXPECT_EQ(to_string(320_MiB), "320 MiB");
    EXPECT_EQ(to_string(Bytes(14'173'392'076)), "13.20 GiB");
}

TEST(BytesDeathTest, ArithmeticThatLeavesTheRangeIsABugThatPrintsBothValues) {
    EXPECT_DEATH((void)(1_B - 2_B), "does not hold \\(1 and 2\\)");
    EXPECT_DEATH((void)(Bytes(~0ULL) + 1_B), "does not hold");
    EXPECT_DEATH((void)(Bytes(1ULL << 63) * 2), "does not hold");
}

TEST(Bytes, RoundsUpToAMultiple) {
    EXPECT_EQ(round_up(0_B, 32_B), 0_B);
    EXPECT_EQ(round_up(1_B, 32_B), 32_B);
    EXPECT_EQ(round_up(64_B, 32_B), 64_B);
    EXPECT_EQ(saturating_subtract(1_B, 2_B), 0_B);
}

}  // namespace
}  // namespace hexcore
