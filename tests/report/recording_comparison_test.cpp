#include "hexcore/report/recording_comparison.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;

TextRef text(std::uint64_t number, std::string words) {
    return std::make_shared<RecordedText>(RecordedText{number, std::move(words)});
}

HolderRef ledger() {
    return std::make_shared<RecordedHolder>(
        RecordedHolder{1, test::some_process(1), HolderKind::ledger, "host0", 1_GiB});
}

Bytes peak_of(const PeakFinder& finder, PeakOf what, const std::string& name) {
    Symbols symbols;
    const RecordingPeaks peaks = finder.peaks(symbols);
    const auto found = peaks.find({what, name});
    return found == peaks.end() ? Bytes(~0ULL) : found->second;
}

TEST(PeakFinder, AddsUpProcessesOfOneCommandAtATime) {
    PeakFinder finder;
    finder.device(test::some_host());
    finder.row(test::host_row(milliseconds(0), {{test::some_process(1, "cc"), 4_MiB},
                                                {test::some_process(2, "cc"), 5_MiB}}));
    finder.row(test::host_row(milliseconds(1), {{test::some_process(3, "cc"), 7_MiB}}));
    EXPECT_EQ(peak_of(finder, PeakOf::device, "host"), 9_MiB);
    EXPECT_EQ(peak_of(finder, PeakOf::process, "host: cc"), 9_MiB);
    finder.end({.time = milliseconds(2), .largest_process = 20_MiB});
    EXPECT_EQ(peak_of(finder, PeakOf::device, "host"), 20_MiB) << "as the kernel says";
}

TEST(PeakFinder, KnowsWhatWasAliveByLabelAndStackFromEventsAndFromSums) {
    const TextRef step = text(7, "step");
    const auto stack = std::make_shared<RecordedStack>(
        RecordedStack{3, {{text(8, "/nowhere/a.so"), 0x10}, {text(8, "/nowhere/a.so"), 0x20}}});
    const RecordedSite site{ledger(), text(9, "kv"), step, stack};
    PeakFinder finder;
    const auto tell = [&](EventKind kind, Bytes bytes) {
        finder.event({.time = {},
                      .kind = kind,
                      .id = 1,
                      .bytes = bytes,
                      .site = site,
                      .purpose_before = {}});
    };
    tell(EventKind::taken, 4_MiB);
    tell(EventKind::taken, 4_MiB);
    tell(EventKind::released, 6_MiB);
    tell(EventKind::refused, 1_GiB);
    EXPECT_EQ(peak_of(finder, PeakOf::label, "step"), 8_MiB);
    EXPECT_EQ(peak_of(finder, PeakOf::stack, "a.so+0x10 < a.so+0x20"), 8_MiB);
    finder.site({.time = {}, .site = site, .bytes = 9_MiB});
    EXPECT_EQ(peak_of(finder, PeakOf::label, "step"), 9_MiB);
    tell(EventKind::released, 1_GiB);
    tell(EventKind::taken, 1_MiB);
    EXPECT_EQ(peak_of(finder, PeakOf::label, "step"), 9_MiB) << "nothing was ever below zero";
}

TEST(PeakFinder, DoesNotAddUpWhatProcessesLeftWhenTheyEnded) {
    const auto stack = std::make_shared<RecordedStack>(
        RecordedStack{3, {{text(8, "/nowhere/a.so"), 0x10}, {text(8, "/nowhere/a.so"), 0x20}}});
    PeakFinder finder;
    const auto take = [&](const HolderRef& holder, milliseconds time) {
        finder.event({.time = time,
                      .kind = EventKind::taken,
                      .id = 1,
                      .bytes = 4_MiB,
                      .site = {holder, text(9, "kv"), text(7, "step"), stack},
                      .purpose_before = {}});
    };
    for (std::uint64_t worker = 1; worker <= 5; ++worker) {
        const HolderRef holder = test::some_holder(worker, test::some_process(worker));
        take(holder, milliseconds(10 * worker));
        finder.amounts({.time = milliseconds(10 * worker + 1), .holder = holder, .amounts = {}});
    }
    EXPECT_EQ(peak_of(finder, PeakOf::label, "step"), 4_MiB);
    EXPECT_EQ(peak_of(finder, PeakOf::stack, "a.so+0x10 < a.so+0x20"), 4_MiB);
    const HolderRef holder = test::some_holder(6, test::some_process(6));
    take(holder, milliseconds(100));
    finder.amounts({.time = milliseconds(90), .holder = holder, .amounts = {}});
    take(holder, milliseconds(110));
    EXPECT_EQ(peak_of(finder, PeakOf::label, "step"), 8_MiB) << "it had nothing before that";
}

TEST(PeakFinder, KnowsTheMostOfEachPurpose) {
    PeakFinder finder;
    const HolderRef host0 = ledger();
    finder.amounts({.time = {}, .holder = host0, .amounts = {{text(1, "experts"), 4_MiB}}});
    finder.amounts({.time = {}, .holder = host0, .amounts = {{text(1, "experts"), 2_MiB}}});
    EXPECT_EQ(peak_of(finder, PeakOf::purpose, "host0: experts"), 4_MiB);
}

RecordingComparison some_comparison() {
    const RecordingPeaks before = {{{PeakOf::device, "host"}, 100_MiB},
                                   {{PeakOf::device, "cuda:0"}, 2_GiB},
                                   {{PeakOf::process, "host: old"}, 10_MiB},
                                   {{PeakOf::purpose, "host0: kv"}, 10_MiB}};
    const RecordingPeaks now = {{{PeakOf::device, "host"}, 160_MiB},
                                {{PeakOf::device, "cuda:0"}, 1_GiB},
                                {{PeakOf::process, "host: new"}, 70_MiB},
                                {{PeakOf::purpose, "host0: kv"}, 10_MiB}};
    return {.before = "a.hxr",
            .now = "b.hxr",
            .changes = compare_peaks(before, now),
            .most_growth = {}};
}

TEST(RecordingComparison, SaysWhatGrewMostFirst) {
    const std::string table = comparison_table(some_comparison(), {});
    EXPECT_LT(table.find("+60.0 MiB"), table.find("-1.00 GiB"));
    EXPECT_LT(table.find("host: new"), table.find("host: old"));
    EXPECT_THAT(table, HasSubstr("b.hxr compared with a.hxr before it"));
    EXPECT_THAT(table, Not(HasSubstr("host0: kv"))) << "it did not change";
}

TEST(RecordingComparison, AcceptsGrowthUpToAndWithWhatIsSaid) {
    RecordingComparison comparison = some_comparison();
    EXPECT_TRUE(comparison.beyond().empty());
    comparison.most_growth = 60_MiB;
    EXPECT_TRUE(comparison.beyond().empty());
    EXPECT_THAT(comparison_table(comparison, {}),
                HasSubstr("No device grew by more than 60.0 MiB"));
    comparison.most_growth = 60_MiB - Bytes(1);
    ASSERT_EQ(comparison.beyond().size(), 1U);
    EXPECT_THAT(comparison_table(comparison, {}), HasSubstr("host by 60.0 MiB"));
    EXPECT_EQ(comparison_json(comparison)["accepted"], false);
}

TEST(RecordingComparison, LeavesSmallChangesOutOfTheTableAndNotOfTheDocument) {
    RecordingPeaks now;
    for (unsigned n = 1; n <= 20; ++n) {
        now[{PeakOf::process, "host: p" + std::to_string(n)}] = 1_MiB * n;
    }
    const RecordingComparison comparison{.before = "a",
                                         .now = "b",
                                         .changes = compare_peaks({}, now),
                                         .most_growth = {},
                                         .missing = {"/nowhere/a.so"}};
    const std::string table = comparison_table(comparison, {});
    EXPECT_THAT(table, HasSubstr("host: p20"));
    EXPECT_THAT(table, Not(HasSubstr("host: p9 ")));
    EXPECT_THAT(table, HasSubstr("Smaller changes are left out: 14 of process."));
    EXPECT_THAT(table, HasSubstr("/nowhere/a.so"));
    EXPECT_EQ(comparison_json(comparison)["changes"].size(), 20U);
}

}  // namespace
}  // namespace hexcore
