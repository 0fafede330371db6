#include "hexcore/recording/record_bytes.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace hexcore {
namespace {

constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();

TEST(RecordBytes, GivesBackWhatWasWritten) {
    RecordWriter writer;
    for (const std::uint64_t number : {0ULL, 1ULL, 127ULL, 128ULL, 1ULL << 32U, ~0ULL}) {
        writer.number(number);
    }
    for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, least, most}) {
        writer.signed_number(number);
    }
    writer.text("a\0b");
    RecordCursor cursor(writer.bytes());
    for (const std::uint64_t number : {0ULL, 1ULL, 127ULL, 128ULL, 1ULL << 32U, ~0ULL}) {
        EXPECT_EQ(cursor.number(~0ULL), number);
    }
    for (const std::int64_t number : {std::int64_t{0}, std::int64_t{-1}, least, most}) {
        EXPECT_EQ(cursor.signed_number(), number);
    }
    EXPECT_EQ(cursor.text(), "a\0b");
    EXPECT_TRUE(cursor.good());
    EXPECT_TRUE(cursor.at_end());
}

TEST(RecordBytes, TakesAsManyBytesAsTheFormatSays) {
    RecordWriter writer;
    writer.signed_number(-1);
    EXPECT_EQ(writer.bytes(), "\1");
    writer.clear();
    writer.number(300);
    EXPECT_EQ(writer.bytes(), "\xAC\x02");
}

TEST(RecordBytes, RefusesWhatIsCutOffTooLargeOrTooLong) {
    RecordCursor cut_off("\x80");
    EXPECT_EQ(cut_off.number(~0ULL), 0U);
    EXPECT_FALSE(cut_off.good());
    RecordCursor too_large("\x05");
    EXPECT_EQ(too_large.number(4), 0U);
    EXPECT_FALSE(too_large.good());
    RecordCursor too_long("\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x02");
    (void)too_long.number(~0ULL);
    EXPECT_FALSE(too_long.good());
    RecordCursor text(
        "\x05"
        "abc");
    EXPECT_EQ(text.text(), "");
    EXPECT_FALSE(text.good());
}

}  // namespace
}  // namespace hexcore
