#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>

#include "hexcore/report/recording_holdings.hpp"
#include "hexcore/report/recording_labels.hpp"
#include "hexcore/report/recording_sites.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

TextRef text(std::string words) {
    static std::uint64_t number = 0;
    return std::make_shared<RecordedText>(RecordedText{++number, std::move(words)});
}

HolderRef holder(std::uint64_t number, HolderKind kind, std::string device) {
    return std::make_shared<RecordedHolder>(
        RecordedHolder{number, test::some_process(number), kind, std::move(device), 1_GiB});
}

/// A chart of the host with one process, of 100 pages at each of the times.
DeviceChart host_chart(std::vector<RecordedTime> times) {
    DeviceChart chart;
    chart.device = test::some_host();
    chart.views.push_back(
        {"process", {{"a (1001)", std::vector<std::uint64_t>(times.size(), 100)}}});
    chart.times = std::move(times);
    return chart;
}

struct Label {
    int from_s;
    LabelEdge edge;
    std::string name;
};

LabelTimes labels_of(const std::vector<Label>& all, const std::vector<RecordedRow>& rows = {}) {
    RecordingLabels labels(seconds(100));
    for (const RecordedRow& row : rows) {
        labels.row(row);
    }
    for (const Label& label : all) {
        labels.label({.time = seconds(label.from_s),
                      .edge = label.edge,
                      .process = test::some_process(1),
                      .thread = 1,
                      .name = text(label.name)});
    }
    return labels.finish(seconds(100));
}

TEST(RecordingHoldings, StackADeviceByPurposeWithWhatNobodyTold) {
    RecordingHoldings holdings(seconds(10), 4000);
    const HolderRef host0 = holder(1, HolderKind::ledger, "host0");
    holdings.amounts({.time = seconds(2), .holder = host0, .amounts = {{text("experts"), 40_KiB}}});
    holdings.amounts({.time = seconds(4), .holder = host0, .amounts = {{text("experts"), 4_MiB}}});
    std::vector<DeviceChart> charts = {host_chart({seconds(1), seconds(3), seconds(5)})};
    holdings.add_to(charts);
    ASSERT_EQ(charts.size(), 2U);
    const ChartView& view = charts[0].views.at(1);
    ASSERT_EQ(view.series.size(), 2U);
    EXPECT_EQ(view.series[0].name, "host0: experts");
    EXPECT_THAT(view.series[0].units, ElementsAre(0, 10, 1024));
    EXPECT_EQ(view.series[1].name, "outside Hexcore's devices");
    EXPECT_THAT(view.series[1].units, ElementsAre(100, 90, 0));
    EXPECT_EQ(charts[1].device.name, "host0");
    EXPECT_EQ(charts[1].peak, 4_MiB);
    EXPECT_EQ(charts[1].times[charts[1].peak_row], seconds(4));
}

TEST(RecordingHoldings, AreNoneOfWhatOtherProgramsHave) {
    RecordingHoldings holdings(seconds(10), 4000);
    const HolderRef torch = holder(1, HolderKind::pytorch, "host");
    holdings.amounts({.time = seconds(1), .holder = torch, .amounts = {{text("cache"), 40_KiB}}});
    std::vector<DeviceChart> charts = {host_chart({seconds(3)})};
    charts[0].unwatched = {70};
    holdings.add_to(charts);
    const ChartView& view = charts[0].views.at(1);
    ASSERT_EQ(view.series.size(), 3U);
    EXPECT_EQ(view.series[1].name, "outside PyTorch");
    EXPECT_THAT(view.series[1].units, ElementsAre(20));
    EXPECT_EQ(view.series[2].name, other_programs);
    EXPECT_THAT(view.series[2].units, ElementsAre(70));
}

TEST(RecordingHoldings, KnowTheBudgetsOnADeviceItself) {
    RecordingHoldings holdings(seconds(10), 4000);
    for (const std::uint64_t number : {1U, 2U}) {
        holdings.amounts({.time = seconds(1),
                          .holder = holder(number, HolderKind::ledger, "cuda:0"),
                          .amounts = {{text("experts"), 4_MiB}}});
    }
    std::vector<DeviceChart> charts = {host_chart({seconds(3)})};
    charts[0].device = test::some_gpu();
    charts[0].limits = {{"size", charts[0].device.total}};
    holdings.add_to(charts);
    ASSERT_EQ(charts[0].limits.size(), 2U) << "of two budgets of one size a line is enough";
    EXPECT_STREQ(charts[0].limits[1].kind, "budget");
    EXPECT_EQ(charts[0].limits[1].bytes, 1_GiB);
}

TEST(RecordingHoldings, WhatAProcessHadEndsWithIt) {
    RecordingHoldings holdings(seconds(10), 4000);
    const HolderRef torch = holder(1, HolderKind::pytorch, "host");
    holdings.amounts({.time = seconds(1), .holder = torch, .amounts = {{text("cache"), 40_KiB}}});
    holdings.lives(test::host_row(seconds(4), {{torch->process, 1_MiB}}));
    std::vector<DeviceChart> charts = {host_chart({seconds(3), seconds(5)})};
    holdings.add_to(charts);
    ASSERT_EQ(charts.size(), 1U) << "its device is one of the recording's";
    EXPECT_THAT(charts[0].views.at(1).series[0].units, ElementsAre(10, 0));
    EXPECT_EQ(charts[0].views.at(1).series[0].name, "PyTorch cache");
}

TEST(RecordingHoldings, KeepTheLargestAndTheLastOfEachPartOfTheTime) {
    RecordingHoldings holdings(seconds(10), 20);
    const HolderRef host0 = holder(1, HolderKind::ledger, "host0");
    const TextRef name = text("experts");
    for (unsigned n = 0; n < 1000; ++n) {
        const Bytes bytes = Bytes(n == 555 ? 5000 : n == 999 ? 0 : n % 7);
        holdings.amounts(
            {.time = milliseconds(10 * n), .holder = host0, .amounts = {{name, bytes}}});
    }
    std::vector<DeviceChart> charts;
    holdings.add_to(charts);
    ASSERT_EQ(charts.size(), 1U);
    EXPECT_LE(charts[0].times.size(), 20U);
    EXPECT_EQ(charts[0].peak, Bytes(5000));
    EXPECT_EQ(charts[0].times[charts[0].peak_row], milliseconds(5550));
    EXPECT_EQ(charts[0].views[0].series[0].units.back(), 0U);
}

TEST(RecordingLabels, AreBandsFromBeginToEnd) {
    const LabelTimes times = labels_of({{0, LabelEdge::begin, "epoch"},
                                        {10, LabelEdge::begin, "step"},
                                        {20, LabelEdge::end, "step"},
                                        {30, LabelEdge::begin, "step"},
                                        {35, LabelEdge::end, "step"}});
    ASSERT_EQ(times.bands.size(), 3U);
    EXPECT_EQ(times.bands[0].length, seconds(100)) << "it never ended";
    EXPECT_EQ(times.bands[1].depth, 1U);
    EXPECT_EQ(times.names[times.bands[1].name], "step");
    EXPECT_EQ(times.bands[2].length, seconds(5));
    ASSERT_EQ(times.totals.size(), 2U);
    EXPECT_EQ(times.totals[1].count, 2U);
    EXPECT_EQ(times.totals[1].took, seconds(15));
}

TEST(RecordingLabels, KnowTheMostThatWasInUseMeanwhile) {
    std::vector<RecordedRow> rows;
    for (const auto& [at_s, bytes] :
         std::map<int, Bytes>{{5, 9_MiB}, {12, 2_MiB}, {25, 8_MiB}, {32, 4_MiB}}) {
        rows.push_back(test::host_row(seconds(at_s), {{test::some_process(1), bytes}}));
    }
    const LabelTimes times = labels_of({{8, LabelEdge::begin, "epoch"},
                                        {10, LabelEdge::begin, "step"},
                                        {20, LabelEdge::end, "step"},
                                        {30, LabelEdge::begin, "step"},
                                        {35, LabelEdge::end, "step"},
                                        {40, LabelEdge::begin, "unseen"},
                                        {41, LabelEdge::end, "unseen"},
                                        {42, LabelEdge::end, "epoch"}},
                                       rows);
    const LabelMost epoch = {{0, 8_MiB}};
    const LabelMost step = {{0, 4_MiB}};
    EXPECT_EQ(times.totals[0].most, epoch) << "not what came before it";
    EXPECT_EQ(times.totals[1].most, step) << "of all times that it came";
    EXPECT_TRUE(times.totals[2].most.empty()) << "nothing was sampled in it";
}

TEST(RecordingLabels, KeepTheLongestOfManyAndCountThemAll) {
    std::vector<Label> all = {{0, LabelEdge::end, "never begun"}};
    for (int n = 0; n < 10'000; ++n) {
        all.push_back({n, LabelEdge::begin, std::to_string(n)});
        all.push_back({n == 5000 ? n + 2 : n, LabelEdge::end, std::to_string(n)});
    }
    const LabelTimes times = labels_of(all);
    EXPECT_LE(times.bands.size(), 3000U);
    EXPECT_LE(times.names.size(), 501U);
    std::uint64_t count = 0;
    for (const LabelTotal& total : times.totals) {
        count += total.count;
    }
    EXPECT_EQ(count, 10'000U);
    EXPECT_TRUE(std::any_of(times.bands.begin(), times.bands.end(),
                            [](const LabelBand& band) { return band.length == seconds(2); }));
}

TEST(RecordingLabels, AddUpWhatProcessesBeganUnderOneName) {
    RecordingLabels labels(seconds(1));
    const TextRef step = text("step");
    labels.label({{}, LabelEdge::begin, test::some_process(1), 1, step});
    for (const std::uint64_t count : {100U, 150U}) {  // all since the beginning
        labels.label_sum({{}, test::some_process(1), step, count});
        labels.label_sum({{}, test::some_process(2), step, count / 2});
    }
    const LabelTimes times = labels.finish(seconds(1));
    ASSERT_EQ(times.totals.size(), 1U);
    EXPECT_EQ(times.totals[0].count, 150U + 75U);
}

RecordedEvent event_of(EventKind kind, Bytes bytes, const RecordedSite& site) {
    return {.time = {}, .kind = kind, .id = 1, .bytes = bytes, .site = site, .purpose_before = {}};
}

TEST(RecordingSites, KnowWhatIsLeftAndTheMostThatWas) {
    RecordingSites sites;
    const HolderRef host0 = holder(1, HolderKind::ledger, "host0");
    const RecordedSite kv{host0, text("kv"), text("decode"), nullptr};
    const RecordedSite compute{host0, text("compute"), nullptr, nullptr};
    sites.event(event_of(EventKind::taken, 8_MiB, kv));
    sites.event(event_of(EventKind::taken, 2_MiB, kv));
    sites.event(event_of(EventKind::released, 8_MiB, kv));
    sites.event(event_of(EventKind::taken, 64_MiB, compute));
    sites.event(event_of(EventKind::released, 64_MiB, compute));
    sites.event(event_of(EventKind::refused, 1_GiB, compute));
    const auto found = sites.largest();
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].purpose, "kv") << "of which something is left";
    EXPECT_EQ(found[0].left, 2_MiB);
    EXPECT_EQ(found[0].most, 10_MiB);
    EXPECT_EQ(found[0].n_left, 1U);
    EXPECT_EQ(found[0].n_ever, 2U);
    EXPECT_EQ(found[1].left, Bytes());
    EXPECT_EQ(found[1].most, 64_MiB);
}

TEST(RecordingSites, MoveWhatIsRelabelledAndTakeSumsAsTheyAre) {
    RecordingSites sites;
    const HolderRef host0 = holder(1, HolderKind::ledger, "host0");
    const TextRef weights = text("weights");
    const RecordedSite before{host0, weights, nullptr, nullptr};
    const RecordedSite after{host0, text("experts"), nullptr, nullptr};
    sites.event(event_of(EventKind::taken, 8_MiB, before));
    RecordedEvent moved = event_of(EventKind::relabelled, 8_MiB, after);
    moved.purpose_before = weights;
    sites.event(moved);
    EXPECT_EQ(sites.largest()[0].purpose, "experts");
    EXPECT_EQ(sites.largest()[1].left, Bytes());
    sites.site({.time = {}, .site = after, .bytes = 16_MiB, .n_alive = 3, .n_ever = 9});
    EXPECT_EQ(sites.largest()[0].left, 16_MiB);
    EXPECT_EQ(sites.largest()[0].n_ever, 9U);
    sites.event(event_of(EventKind::released, 1_GiB, after));
    EXPECT_EQ(sites.largest()[0].left, Bytes()) << "never below zero";
}

}  // namespace
}  // namespace hexcore
