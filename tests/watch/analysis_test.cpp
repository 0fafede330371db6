#include "hexcore/watch/analysis.hpp"

#include <gtest/gtest.h>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;

TEST(Analysis, FindsThePeakOfTheSumAndWhatItWasMadeOf) {
    Analysis analysis;
    analysis.run(test::some_run());
    analysis.device(test::some_host());
    const auto a = test::some_process(1, "a");
    const auto b = test::some_process(2, "b");
    analysis.row(test::host_row(milliseconds(0), {{a, 300_MiB}}, 900_MiB));
    analysis.row(test::host_row(milliseconds(100), {{a, 200_MiB}, {b, 250_MiB}}, 700_MiB));
    analysis.row(test::host_row(milliseconds(200), {{b, 400_MiB}}, 800_MiB));
    const WatchFindings found = analysis.findings();
    ASSERT_EQ(found.devices.size(), 1U);
    const DeviceFindings& host = found.devices[0];
    EXPECT_EQ(host.peak, 450_MiB) << "of no process alone";
    EXPECT_EQ(host.peak_at, milliseconds(100));
    EXPECT_TRUE(host.peak_sampled);
    ASSERT_EQ(host.parts.size(), 2U);
    EXPECT_EQ(host.parts[0].command, "b");
    EXPECT_EQ(host.parts[0].pid, 1002U);
    EXPECT_EQ(host.others, 0_B);
    EXPECT_EQ(host.least_free, 700_MiB);
    EXPECT_EQ(host.budget(), 456_MiB);
    ASSERT_EQ(found.processes.size(), 2U);
    EXPECT_EQ(found.processes[0].peak.bytes, 400_MiB);
    EXPECT_EQ(found.processes[1].last, milliseconds(100));
    EXPECT_FALSE(found.end.has_value());
    EXPECT_EQ(found.duration, milliseconds(200));
}

TEST(Analysis, TakesTheKernelsLastWordWhereItIsMore) {
    Analysis analysis;
    analysis.device(test::some_host());
    analysis.row(test::host_row(milliseconds(0), {{test::some_process(1), 10_MiB}}));
    analysis.end({.time = milliseconds(50), .largest_process = 90_MiB});
    const WatchFindings found = analysis.findings();
    EXPECT_EQ(found.devices[0].peak, 90_MiB);
    EXPECT_FALSE(found.devices[0].peak_sampled);
    EXPECT_TRUE(found.end.has_value());
}

TEST(Analysis, KeepsTheProcessesThatHeldMostAndNoMore) {
    Analysis analysis;
    analysis.device(test::some_host());
    for (std::uint64_t i = 1; i <= 5000; ++i) {
        analysis.row(test::host_row(milliseconds(i), {{test::some_process(i), Bytes(i % 1000)}}));
    }
    const auto processes = analysis.findings().processes;
    ASSERT_EQ(processes.size(), 64U);
    EXPECT_EQ(processes.front().peak.bytes, 999_B);
    EXPECT_EQ(processes.back().peak.bytes, 987_B);
}

TEST(Analysis, WhatOthersTakeOfAGpuIsNoGrowthOfWhatIsWatched) {
    constexpr std::uint32_t gpu = 2;
    for (const bool tells : {true, false}) {
        Analysis analysis;
        RecordedDevice card;
        card.number = gpu;
        card.kind = RecordedKind::gpu;
        analysis.device(card);
        const auto process = test::some_process(1);
        for (std::uint64_t i = 0; i < 200; ++i) {
            RecordedRow row;
            row.device = gpu;
            row.time = milliseconds(500 * i);
            row.others = 1_GiB + 10_MiB * i;  // a neighbour
            if (tells && i > 2) {
                row.parts = {{process, 600_MiB}};
            }
            analysis.row(row);
        }
        const DeviceFindings found = analysis.findings().devices.at(0);
        EXPECT_EQ(found.growth.verdict, tells ? Verdict::none : Verdict::growing);
        EXPECT_EQ(found.of_processes, tells ? 600_MiB : 0_B);
        EXPECT_EQ(found.outside_holdings(), tells ? 600_MiB : found.peak);
    }
}

TEST(Analysis, RoundsABudgetUpByAThirtySecondAtMost) {
    for (const Bytes peak :
         {1_B, 1_MiB, 450_MiB, 16_GiB, 38_GiB + 1_B, recorded_bytes_max * 4097}) {
        DeviceFindings found;
        found.peak = peak;
        EXPECT_GE(found.budget(), peak);
        EXPECT_LE(found.budget(), peak + std::max(1_MiB, Bytes(peak.count() / 16)));
    }
}

}  // namespace
}  // namespace hexcore
