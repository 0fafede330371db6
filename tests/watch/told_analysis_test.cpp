#include "hexcore/watch/told_analysis.hpp"

#include <gtest/gtest.h>

#include "hexcore/watch/analysis.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using test::some_text;

/// A process that tells, one that does not, and main memory.
class ToldAnalysisTest : public ::testing::Test {
protected:
    ToldAnalysisTest() {
        analysis_.run(test::some_run());
        analysis_.device(test::some_host());
    }
    void label(int at_ms, LabelEdge edge, const TextRef& name, std::uint32_t thread = 1) {
        analysis_.label({milliseconds(at_ms), edge, process_, thread, name});
    }
    void row(int at_ms, Bytes bytes) {
        analysis_.row(test::host_row(milliseconds(at_ms), {{process_, bytes}, {other_, 1_MiB}}));
    }

    ProcessRef process_ = test::some_process(1);
    ProcessRef other_ = test::some_process(2);
    TextRef load_ = some_text(1, "load");
    TextRef decode_ = some_text(2, "decode");
    TextRef kv_ = some_text(3, "kv");
    Analysis analysis_;
};

TEST_F(ToldAnalysisTest, APeakIsOfTheInnermostLabelThatWasOpen) {
    label(0, LabelEdge::begin, load_);
    row(1, 10_MiB);
    EXPECT_EQ(analysis_.findings().devices[0].peak_label, "load") << "the only one of its name";
    for (int i = 0; i < 5; ++i) {
        label(10 * i + 2, LabelEdge::begin, decode_);
        row(10 * i + 3, i == 3 ? 30_MiB : 20_MiB);
        label(10 * i + 4, LabelEdge::end, decode_);
    }
    EXPECT_EQ(analysis_.findings().devices[0].peak_label, "decode 4");
    label(100, LabelEdge::end, load_);
    row(101, 40_MiB);
    EXPECT_EQ(analysis_.findings().devices[0].peak_label, "") << "none was open";
}

TEST_F(ToldAnalysisTest, OfSeveralThreadsTheLabelThatBeganLastCounts) {
    label(0, LabelEdge::begin, load_, 1);
    label(5, LabelEdge::begin, decode_, 2);
    row(6, 10_MiB);
    EXPECT_EQ(analysis_.findings().devices[0].peak_label, "decode");
}

TEST_F(ToldAnalysisTest, APeakIsMadeOfWhatHoldersHadThen) {
    const auto first = test::some_holder(1, process_, "host0");
    const auto second = test::some_holder(2, other_, "host memory");
    const auto gpu = test::some_holder(3, process_, "cuda:0");
    analysis_.amounts({milliseconds(1), first, {{kv_, 4_MiB}, {load_, 1_MiB}}});
    analysis_.amounts({milliseconds(1), second, {{kv_, 2_MiB}}});
    analysis_.amounts({milliseconds(1), gpu, {{kv_, 5_GiB}}});
    row(2, 19_MiB);
    analysis_.amounts({milliseconds(3), first, {{kv_, 1_MiB}}});
    row(4, 3_MiB);
    const WatchFindings found = analysis_.findings();
    const DeviceFindings& host = found.devices[0];
    ASSERT_EQ(host.holdings.size(), 2U) << "what is held of a GPU is none of main memory";
    EXPECT_EQ(host.holdings[0].name, "kv");
    EXPECT_EQ(host.holdings[0].bytes, 6_MiB) << "of both";
    EXPECT_EQ(host.outside_holdings(), 13_MiB);
    ASSERT_EQ(found.holders.size(), 3U);
    EXPECT_EQ(found.holders[0].device, "cuda:0");
    EXPECT_EQ(found.holders[1].peak, 5_MiB);
    EXPECT_EQ(found.holders[1].last, 1_MiB);
}

TEST_F(ToldAnalysisTest, LabelsAndMarksAreListed) {
    for (int i = 0; i < 3; ++i) {
        label(i, LabelEdge::begin, decode_);
        label(i, LabelEdge::end, decode_);
    }
    label(7, LabelEdge::begin, load_);
    analysis_.mark({milliseconds(8), process_, some_text(9, "loaded")});
    analysis_.label_sum({milliseconds(9), process_, decode_, 500});
    analysis_.lost({milliseconds(9), process_, 12});
    const WatchFindings found = analysis_.findings();
    ASSERT_EQ(found.labels.size(), 2U);
    EXPECT_EQ(found.labels[0].name, "decode");
    EXPECT_EQ(found.labels[0].count, 500U) << "those that were only counted, too";
    EXPECT_EQ(found.labels[0].last, milliseconds(9));
    ASSERT_EQ(found.marks.size(), 1U);
    EXPECT_EQ(found.marks[0].name, "loaded");
    EXPECT_EQ(found.lost_records, 12U);
}

TEST_F(ToldAnalysisTest, LabelsThatDoNotFitTogetherDoNoHarm) {
    label(0, LabelEdge::end, decode_);
    for (int i = 0; i < 500; ++i) {
        label(i, LabelEdge::begin, decode_);
    }
    for (int i = 0; i < 600; ++i) {
        label(500 + i, LabelEdge::end, load_);
    }
    row(2000, 1_MiB);
    EXPECT_EQ(analysis_.findings().devices[0].peak_label, "");
}

}  // namespace
}  // namespace hexcore
