#include "hexcore/report/progress_bar.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "hexcore/report/memory_bar.hpp"

namespace hexcore::test {
namespace {

Progress half() { return {"loading", 200_MiB, 400_MiB, 1.5 * 1024 * 1024 * 1024}; }

TEST(ProgressBar, ShowsLabelBarPercentageBytesAndRate) {
    EXPECT_EQ(progress_bar(half(), 70, Charset::ascii),
              "loading ##########...........  50 %    200 MiB of 400 MiB   1.50 GiB/s");
}

TEST(ProgressBar, IsExactlyAsWideAsAskedWhereThereIsRoom) {
    for (std::size_t columns = 25; columns <= 200; ++columns) {
        EXPECT_EQ(text_columns(progress_bar(half(), columns, Charset::unicode)), columns);
    }
}

TEST(ProgressBar, LeavesOutFromTheRightWhatHasNoRoom) {
    EXPECT_EQ(progress_bar(half(), 50, Charset::ascii),
              "loading #######.......  50 %    200 MiB of 400 MiB");
    EXPECT_EQ(progress_bar(half(), 30, Charset::ascii), "loading ########........  50 %");
    EXPECT_EQ(progress_bar(half(), 8, Charset::ascii), " 50 %");
    EXPECT_EQ(progress_bar(half(), 3, Charset::ascii), "");
}

TEST(ProgressBar, LooksFullOnlyWhenItIsDone) {
    Progress almost{"", Bytes(999'999), Bytes(1'000'000), 0};
    EXPECT_EQ(progress_bar(almost, 20, Charset::ascii), "#############.  99 %");
    almost.done = almost.total;
    EXPECT_EQ(progress_bar(almost, 20, Charset::ascii), "############## 100 %");
}

TEST(ProgressBar, HoldsWithoutATotalOrARate) {
    EXPECT_EQ(progress_bar({"", 0_B, 0_B, 0}, 20, Charset::ascii), "############## 100 %");
    Progress odd = half();
    for (const double rate : {-1.0, 1e300, std::numeric_limits<double>::quiet_NaN()}) {
        odd.bytes_per_s = rate;
        EXPECT_EQ(progress_bar(odd, 70, Charset::ascii).find("/s"), std::string::npos);
    }
}

TEST(FractionBar, FillsByEighthsOfACharacterInUnicode) {
    EXPECT_EQ(fraction_bar(0.5, 1, Charset::unicode), "▌");
    EXPECT_EQ(fraction_bar(0.125, 2, Charset::unicode), "▎ ");
    EXPECT_EQ(fraction_bar(1.0, 2, Charset::unicode), "██");
    EXPECT_EQ(fraction_bar(7.0, 2, Charset::ascii), "##");
    EXPECT_EQ(fraction_bar(-1.0, 2, Charset::ascii), "..");
}

}  // namespace
}  // namespace hexcore::test
