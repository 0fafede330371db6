#include "hexcore/watch/live_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "hexcore/recording/told_records.hpp"
#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TextRef text(std::uint64_t number, std::string name) {
    return std::make_shared<RecordedText>(RecordedText{number, std::move(name)});
}

/// A model that knows the host and a GPU.
class TheLiveModel : public ::testing::Test {
protected:
    TheLiveModel() {
        model_.run(test::some_run());
        model_.device(test::some_host());
        model_.device(test::some_gpu());
    }
    void at(milliseconds time, std::vector<RecordedPart> parts) {
        model_.row(test::host_row(time, std::move(parts), 8_GiB));
    }
    void tell(milliseconds time, LabelEdge edge, const std::string& name,
              std::uint32_t thread = 7) {
        model_.label({.time = time,
                      .edge = edge,
                      .process = train_,
                      .thread = thread,
                      .name = text(1, name)});
    }

    LiveModel model_;
    ProcessRef train_ = test::some_process(1, "train");
    ProcessRef loader_ = test::some_process(2, "loader");
};

TEST_F(TheLiveModel, HasWhatIsThereNowAndTheMostThatWas) {
    at(milliseconds(100), {{train_, 30_MiB}, {loader_, 20_MiB}});
    at(milliseconds(200), {{train_, 10_MiB}});
    const LiveState state = model_.state();
    EXPECT_EQ(state.time, milliseconds(200));
    ASSERT_THAT(state.devices, SizeIs(2));
    const LiveDevice& host = state.devices[0];
    EXPECT_EQ(host.now, 10_MiB);
    EXPECT_EQ(host.peak, 50_MiB);
    EXPECT_EQ(host.peak_at, milliseconds(100));
    EXPECT_EQ(host.free, 8_GiB);
    ASSERT_THAT(host.processes, SizeIs(1)) << "the other has ended";
    EXPECT_EQ(host.processes[0].name, "train");
    EXPECT_EQ(host.processes[0].peak, 30_MiB);
    EXPECT_TRUE(has_process(state, train_->pid));
    EXPECT_FALSE(has_process(state, loader_->pid));
    EXPECT_EQ(state.devices[1].now, 0_B);
}

TEST_F(TheLiveModel, AHighWaterMarkIsAPeakAndNotWhatIsThereNow) {
    at(milliseconds(100), {{train_, 30_MiB}});
    RecordedRow mark = test::host_row(milliseconds(150), {{train_, 90_MiB}});
    mark.sampled = false;
    model_.row(mark);
    const LiveDevice host = model_.state().devices[0];
    EXPECT_EQ(host.now, 30_MiB);
    EXPECT_EQ(host.peak, 90_MiB);
}

TEST_F(TheLiveModel, CountsChangesFromTheMark) {
    at(milliseconds(100), {{train_, 30_MiB}});
    model_.set_mark();
    at(milliseconds(200), {{train_, 24_MiB}, {loader_, 5_MiB}});
    const LiveState state = model_.state();
    EXPECT_EQ(state.marked, milliseconds(100));
    const auto& processes = state.devices[0].processes;
    EXPECT_EQ(processes[0].change(), -static_cast<std::int64_t>((6_MiB).count()));
    EXPECT_EQ(processes[1].change(), static_cast<std::int64_t>((5_MiB).count()))
        << "it was not there";
}

TEST_F(TheLiveModel, LeavesOutABaselineUntilItIsTakenAway) {
    at(milliseconds(100), {{train_, 30_MiB}});
    model_.toggle_baseline();
    at(milliseconds(200), {{train_, 50_MiB}});
    EXPECT_EQ(model_.state().devices[0].baseline, 30_MiB);
    EXPECT_EQ(model_.state().based, milliseconds(100));
    model_.toggle_baseline();
    EXPECT_EQ(model_.state().devices[0].baseline, 0_B);
    EXPECT_FALSE(model_.state().based.has_value());
}

TEST_F(TheLiveModel, KnowsWhatHoldersHaveByPurpose) {
    const auto holder = std::make_shared<RecordedHolder>(RecordedHolder{.number = 1,
                                                                        .process = train_,
                                                                        .kind = HolderKind::ledger,
                                                                        .device = "host0",
                                                                        .total = 4_GiB});
    model_.amounts({.time = milliseconds(100),
                    .holder = holder,
                    .amounts = {{text(1, "weights"), 2_GiB}, {text(2, "kv"), 1_GiB}}});
    model_.amounts(
        {.time = milliseconds(200), .holder = holder, .amounts = {{text(1, "weights"), 1_GiB}}});
    const LiveState state = model_.state();
    ASSERT_THAT(state.holders, SizeIs(1));
    EXPECT_EQ(state.holders[0].kind, "ledger");
    EXPECT_EQ(state.holders[0].total, 4_GiB);
    EXPECT_EQ(state.holders[0].now, 1_GiB);
    EXPECT_EQ(state.holders[0].peak, 3_GiB);
    ASSERT_THAT(state.holders[0].purposes, SizeIs(1));
    EXPECT_EQ(state.holders[0].purposes[0].peak, 2_GiB);
}

TEST_F(TheLiveModel, KnowsTheLabelsThatAreOpenInEachThread) {
    for (int i = 0; i < 3; ++i) {
        tell(milliseconds(10 * i), LabelEdge::begin, "decode");
        tell(milliseconds(10 * i + 1), LabelEdge::end, "decode");
    }
    tell(milliseconds(100), LabelEdge::begin, "step");
    tell(milliseconds(101), LabelEdge::begin, "decode");
    tell(milliseconds(102), LabelEdge::begin, "load", 8);
    const auto labels = model_.state().labels;
    ASSERT_THAT(labels, SizeIs(2));
    EXPECT_THAT(labels[0].names, ElementsAre("step", "decode"));
    EXPECT_EQ(labels[0].count, 4U);
    EXPECT_THAT(labels[1].names, ElementsAre("load"));
    tell(milliseconds(103), LabelEdge::end, "decode");
    tell(milliseconds(104), LabelEdge::end, "step");
    tell(milliseconds(105), LabelEdge::end, "load", 8);
    tell(milliseconds(106), LabelEdge::end, "load", 8);
    EXPECT_THAT(model_.state().labels, IsEmpty()) << "an end too many does nothing";
}

TEST_F(TheLiveModel, LabelsBeyondABoundAreCountedAndEndInOrder) {
    constexpr int many = 1000;
    for (int i = 0; i < many; ++i) {
        tell(milliseconds(i), LabelEdge::begin, "deep");
    }
    const auto labels = model_.state().labels;
    ASSERT_THAT(labels, SizeIs(1));
    EXPECT_EQ(labels[0].names.size() + labels[0].deeper, std::size_t{many});
    for (int i = 0; i < many - 1; ++i) {
        tell(milliseconds(many + i), LabelEdge::end, "deep");
    }
    EXPECT_THAT(model_.state().labels[0].names, ElementsAre("deep"));
}

TEST(LiveHistory, KeepsThePeakOfEachStepHoweverLongItGoesOn) {
    LiveHistory history;
    constexpr int seconds_of_two_days = 2 * 24 * 3600;
    for (int i = 0; i < seconds_of_two_days; ++i) {
        history.add(seconds(i), i == 100'000 ? 9_GiB : 1_GiB);
    }
    const auto steps = history.steps(48, hours(48));
    ASSERT_THAT(steps, SizeIs(48));
    EXPECT_EQ(std::count(steps.begin(), steps.end(), std::optional(9_GiB)), 1);
    EXPECT_EQ(steps[100'000 / 3600], 9_GiB);
    EXPECT_EQ(std::count(steps.begin(), steps.end(), std::optional(1_GiB)), 47);
}

TEST(LiveHistory, HasNothingBeforeTheFirstSampleAndTheLastOneInGaps) {
    LiveHistory history;
    history.add(seconds(4), 1_MiB);
    history.add(seconds(8), 2_MiB);
    const auto steps = history.steps(10, seconds(10));
    EXPECT_FALSE(steps[2].has_value());
    EXPECT_EQ(steps[5], 1_MiB);
    EXPECT_EQ(steps[9], 2_MiB);
}

}  // namespace
}  // namespace hexcore
