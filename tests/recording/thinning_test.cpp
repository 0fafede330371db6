#include "hexcore/recording/thinning.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;

TEST(Thinning, LetsEveryRowThroughWithoutBuckets) {
    std::vector<RecordedRow> kept;
    Thinning thinning([&](const RecordedRow& row) { kept.push_back(row); });
    for (int i = 0; i < 10; ++i) {
        thinning.add(test::host_row(milliseconds(i), {{test::some_process(1), Bytes(1)}}));
    }
    EXPECT_EQ(kept.size(), 10U);
}

TEST(Thinning, KeepsOfEachBucketAndDeviceTheRowWithTheLargestTotalWhole) {
    std::vector<RecordedRow> kept;
    Thinning thinning([&](const RecordedRow& row) { kept.push_back(row); });
    thinning.set_bucket(milliseconds(10));
    std::mt19937 random(7);
    const std::vector<ProcessRef> processes{test::some_process(1), test::some_process(2)};
    std::map<std::pair<std::uint32_t, std::int64_t>, Bytes> largest;
    for (int i = 0; i < 1000; ++i) {
        for (const std::uint32_t device : {0U, 2U}) {
            RecordedRow row = test::host_row(
                milliseconds(i),
                {{processes[0], Bytes(random() % 99)}, {processes[1], Bytes(random() % 99)}});
            row.device = device;
            Bytes& most = largest[{device, i / 10}];
            most = std::max(most, row.total());
            thinning.add(row);
        }
    }
    thinning.flush();
    ASSERT_EQ(kept.size(), largest.size()) << "one of each";
    for (const RecordedRow& row : kept) {
        EXPECT_EQ(row.total(), (largest[{row.device, row.time / milliseconds(10)}]));
        EXPECT_EQ(row.parts.size(), 2U);
    }
}

TEST(Thinning, KeepsTheLastAmountsOfABucketTooForTheyHoldUntilTheNext) {
    std::vector<std::pair<RecordedTime, Bytes>> kept;
    AmountsThinning thinning(
        [&](const RecordedAmounts& amounts) { kept.emplace_back(amounts.time, amounts.total()); });
    thinning.set_bucket(milliseconds(10));
    const HolderRef holder = test::some_holder(1, test::some_process(1));
    const TextRef name = test::some_text(1, "kv");
    for (const auto& [ms, bytes] :
         {std::pair(1, 5_MiB), {2, 9_MiB}, {3, 7_MiB}, {4, 0_B}, {15, 1_MiB}, {16, 2_MiB}}) {
        thinning.add({milliseconds(ms), holder, {{name, bytes}}});
    }
    thinning.flush();
    const std::vector<std::pair<RecordedTime, Bytes>> expected = {
        {milliseconds(2), 9_MiB}, {milliseconds(4), 0_B}, {milliseconds(16), 2_MiB}};
    EXPECT_EQ(kept, expected);
}

TEST(Thinning, WiderBucketsLoseNoneThatWaited) {
    std::vector<RecordedRow> kept;
    Thinning thinning([&](const RecordedRow& row) { kept.push_back(row); });
    thinning.set_bucket(milliseconds(10));
    thinning.add(test::host_row(milliseconds(1), {{test::some_process(1), 9_MiB}}));
    thinning.set_bucket(milliseconds(20));
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].total(), 9_MiB);
}

}  // namespace
}  // namespace hexcore
