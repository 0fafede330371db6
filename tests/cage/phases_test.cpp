#include "hexcore/cage/supervisor/phases.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Phase = SupervisionPhases::Phase;
using Step = SupervisionPhases::Step;

constexpr SupervisionPhases::Facts command_runs{};
constexpr SupervisionPhases::Facts helper_runs{.command_has_ended = true};
constexpr SupervisionPhases::Facts nothing_runs{.command_has_ended = true, .has_children = false};

TEST(SupervisionPhases, WhatIsLeftHasAMomentToEndByItself) {
    SupervisionPhases phases;
    const SupervisionPhases::Clock::time_point start{};
    EXPECT_EQ(phases.advance(command_runs, start), Step::wait);
    EXPECT_LT(phases.patience(start), milliseconds(0));
    EXPECT_EQ(phases.advance(helper_runs, start), Step::wait);
    EXPECT_EQ(phases.patience(start + milliseconds(50)), milliseconds(150));
    EXPECT_EQ(phases.advance(helper_runs, start + milliseconds(199)), Step::wait);
    EXPECT_EQ(phases.advance(nothing_runs, start + milliseconds(199)), Step::wait);
    EXPECT_EQ(phases.phase(), Phase::over);
}

TEST(SupervisionPhases, WhoWasStoppedWhileTheyLeftSweepsBeforeItGivesUp) {
    SupervisionPhases phases;
    SupervisionPhases::Clock::time_point now{};
    EXPECT_EQ(phases.advance(helper_runs, now), Step::wait);
    now += seconds(11);
    EXPECT_EQ(phases.advance(helper_runs, now), Step::tell_and_sweep);
    EXPECT_EQ(phases.phase(), Phase::sweeping);
    now += milliseconds(10);
    EXPECT_EQ(phases.advance(helper_runs, now), Step::sweep);
}

TEST(SupervisionPhases, WhoWasStoppedWhileItSweptGoesOn) {
    SupervisionPhases phases;
    SupervisionPhases::Clock::time_point now{};
    phases.sweep(now);
    EXPECT_EQ(phases.advance(command_runs, now), Step::sweep);
    now += seconds(60);
    EXPECT_EQ(phases.advance(command_runs, now), Step::sweep);
}

TEST(SupervisionPhases, GivesUpOnWhatCannotBeEndedHoweverOftenItIsToldTo) {
    SupervisionPhases phases;
    SupervisionPhases::Clock::time_point now{};
    phases.sweep(now);
    int passes = 0;
    while (phases.advance(helper_runs, now) == Step::sweep) {
        ++passes;
        now += milliseconds(20);
        phases.sweep(now);
        ASSERT_LT(now.time_since_epoch(), seconds(60));
    }
    EXPECT_EQ(passes, 500);
    EXPECT_EQ(phases.phase(), Phase::over);
}

}  // namespace
}  // namespace hexcore
