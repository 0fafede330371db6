#include "hexcore/recording/told_sums.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::seconds;
using test::some_text;

std::vector<RecordedSiteSum> changed(SiteSums& sums) {
    std::vector<RecordedSiteSum> told;
    sums.tell_changed(seconds(1), [&](const RecordedSiteSum& sum) { told.push_back(sum); });
    return told;
}

RecordedEvent event(EventKind kind, const RecordedSite& site, Bytes bytes) {
    return {seconds(0), kind, 1, bytes, site, {}};
}

TEST(SiteSums, CountWhatIsAliveAndTellOnlyChanges) {
    const auto holder = test::some_holder(1, test::some_process(1));
    const RecordedSite site{holder, some_text(1, "kv"), nullptr, nullptr};
    SiteSums sums;
    sums.event(event(EventKind::taken, site, 3_MiB));
    sums.event(event(EventKind::taken, site, 2_MiB));
    sums.event(event(EventKind::released, site, 3_MiB));
    sums.event(event(EventKind::refused, site, 9_MiB));
    const auto told = changed(sums);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told[0].bytes, 2_MiB);
    EXPECT_EQ(told[0].n_alive, 1U);
    EXPECT_EQ(told[0].n_ever, 2U);
    EXPECT_TRUE(changed(sums).empty());
}

TEST(SiteSums, WhatIsRelabelledMovesToAnotherSite) {
    const auto holder = test::some_holder(1, test::some_process(1));
    const RecordedSite before{holder, some_text(1, "compute"), nullptr, nullptr};
    const RecordedSite after{holder, some_text(2, "kv"), nullptr, nullptr};
    SiteSums sums;
    sums.event(event(EventKind::taken, before, 3_MiB));
    RecordedEvent relabelled = event(EventKind::relabelled, after, 3_MiB);
    relabelled.purpose_before = before.purpose;
    sums.event(relabelled);
    for (const RecordedSiteSum& sum : changed(sums)) {
        EXPECT_EQ(sum.bytes, sum.site.purpose->text == "kv" ? 3_MiB : 0_B);
    }
}

TEST(SiteSums, ThoseBeyondTheMostCountForTheirHolderAlone) {
    const auto holder = test::some_holder(1, test::some_process(1));
    SiteSums sums;
    constexpr std::uint64_t n_sites = SiteSums::sites_max + 1000;
    for (std::uint64_t i = 1; i <= n_sites; ++i) {
        sums.event(
            event(EventKind::taken, {holder, some_text(i, "name"), nullptr, nullptr}, 1_MiB));
    }
    const auto told = changed(sums);
    EXPECT_LE(told.size(), SiteSums::sites_max + 1);
    Bytes total;
    for (const RecordedSiteSum& sum : told) {
        total += sum.bytes;
    }
    EXPECT_EQ(total, 1_MiB * n_sites) << "none is forgotten";
}

TEST(OpenLabels, AreThoseWithoutAnEndTheInnermostFirst) {
    const auto process = test::some_process(1);
    const auto tell = [&](OpenLabels& open, LabelEdge edge, std::uint64_t number) {
        open.label({seconds(number), edge, process, 7, some_text(number, "name")});
    };
    OpenLabels open;
    tell(open, LabelEdge::end, 9);
    for (const std::uint64_t number : {1U, 2U, 3U, 4U}) {
        tell(open, LabelEdge::begin, number);
    }
    tell(open, LabelEdge::end, 4);
    tell(open, LabelEdge::end, 2);
    const std::vector<RecordedLabel> left = open.all();
    ASSERT_EQ(left.size(), 2U);
    EXPECT_EQ(left[0].name->number, 3U);
    EXPECT_EQ(left[1].time, seconds(1));
    tell(open, LabelEdge::end, 3);
    tell(open, LabelEdge::end, 1);
    EXPECT_TRUE(open.all().empty());
}

TEST(LabelSums, CountHowOftenEachBegan) {
    const auto process = test::some_process(1);
    LabelSums sums;
    for (int i = 0; i < 3; ++i) {
        sums.label({seconds(i), LabelEdge::begin, process, 7, some_text(1, "step")});
        sums.label({seconds(i), LabelEdge::end, process, 7, some_text(1, "step")});
    }
    for (std::uint64_t i = 2; i < 2 * LabelSums::names_max; ++i) {
        sums.label({seconds(9), LabelEdge::begin, process, 7, some_text(i, "unique")});
    }
    std::size_t n_told = 0;
    sums.tell_changed([&](const RecordedLabelSum& sum) {
        ++n_told;
        EXPECT_EQ(sum.count, sum.name->text == "step" ? 3U : 1U);
        EXPECT_EQ(sum.last, sum.name->text == "step" ? seconds(2) : seconds(9));
    });
    EXPECT_EQ(n_told, LabelSums::names_max);
}

}  // namespace
}  // namespace hexcore
