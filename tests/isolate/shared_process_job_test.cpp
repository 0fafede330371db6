#include "hexcore/isolate/shared_process_job.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/isolate/catch2_told.hpp"
#include "hexcore/isolate/googletest_told.hpp"
#include "isolate/run_launch.hpp"
#include "paper_suite.hpp"

namespace hexcore {
namespace {

/// Prints a text a step, and is over after the last.
class TellingCage : public PaperCage {
public:
    TellingCage(const CageCommand& command, std::deque<std::string> texts, CageOutcome outcome)
        : PaperCage(std::move(outcome)), tell_(command.on_output), texts_(std::move(texts)) {}
    bool step() override {
        if (!texts_.empty()) {
            tell_(texts_.front());
            texts_.pop_front();
        }
        return texts_.empty();
    }

private:
    std::function<void(std::string_view)> tell_;
    std::deque<std::string> texts_;
};

class TellingYard : public PaperYard {
public:
    TellingYard(std::deque<std::string> texts, CageOutcome outcome)
        : texts_(std::move(texts)), outcome_(std::move(outcome)) {}
    Result<std::unique_ptr<Cage>> start(const CageCommand& command, const CageLimits&) override {
        return std::unique_ptr<Cage>(std::make_unique<TellingCage>(command, texts_, outcome_));
    }

private:
    std::deque<std::string> texts_;
    CageOutcome outcome_;
};

CageOutcome ends_with(int code, bool signalled = false) {
    CageOutcome outcome;
    outcome.began = true;
    outcome.code = code;
    outcome.signalled = signalled;
    return outcome;
}

TestCase case_of(const char* name) {
    TestCase test;
    test.id = name;
    test.name = name;
    return test;
}

/// Of a program with A.One and A.Two, which prints these texts: "begins 0", "ends 0 passed", each
/// step's in a list of its own.
std::vector<std::vector<std::string>> steps_of(const std::deque<std::string>& texts,
                                               const CageOutcome& outcome,
                                               std::uint32_t repeats = 1) {
    const ScratchFolder scratch;
    const TestCase one = case_of("A.One");
    const TestCase two = case_of("A.Two");
    TellingYard yard(texts, outcome);
    JobRequest request{.tests = {&one, &two}, .scratch = scratch.path(), .repeats = repeats};
    if (repeats > 1) {
        request.tests.pop_back();
    }
    auto job = start_shared_process(
        request, {.command = {}, .tests = googletest_told({"A.One", "A.Two"})}, yard);
    std::vector<std::vector<std::string>> steps;
    for (bool is_over = !job; !is_over;) {
        std::vector<JobEvent> events;
        is_over = (*job)->step(events);
        steps.emplace_back();
        for (const JobEvent& event : events) {
            const bool begins = event.kind == JobEvent::Kind::begins;
            const auto kind = event.judgement.kind;
            steps.back().push_back((begins ? "begins " : "ends ") + std::to_string(event.test) +
                                   (begins                                 ? ""
                                    : kind == TestJudgement::Kind::passed  ? " passed"
                                    : kind == TestJudgement::Kind::skipped ? " skipped"
                                    : kind == TestJudgement::Kind::not_run
                                        ? " not run: " + event.judgement.reason
                                        : ": " + event.judgement.reason));
        }
    }
    return steps;
}

using Steps = std::vector<std::vector<std::string>>;

constexpr const char* one_passes = "[ RUN      ] A.One\n[       OK ] A.One (0 ms)\n";
constexpr const char* two_passes = "[ RUN      ] A.Two\n[       OK ] A.Two (0 ms)\n";
constexpr const char* two_skips =
    "[ RUN      ] A.Two\na.cpp:3: Skipped\n\n[  SKIPPED ] A.Two (0 ms)\n";

TEST(SharedProcessJob, ATestsEndIsToldBeforeTheNextBegins) {
    EXPECT_EQ(steps_of({one_passes, two_passes}, ends_with(0)),
              (Steps{{"begins 0", "ends 0 passed"}, {"begins 1", "ends 1 passed"}}));
}

TEST(SharedProcessJob, WhatWasNotToldHasNotPassed) {
    for (const int code : {0, 3}) {
        const std::string why =
            " not run: the program ran no test of this name, or did not tell of it (exit code " +
            std::to_string(code) + ")";
        EXPECT_EQ(steps_of({"nothing of tests\n"}, ends_with(code)),
                  (Steps{{"begins 0", "ends 0" + why, "begins 1", "ends 1" + why}}));
    }
}

TEST(SharedProcessJob, ABadEndWithoutAFailureIsTheLastTests) {
    const std::string why =
        "ends 1: exit code 1, though no test of the process failed: in a set-up, a tear-down or at "
        "exit";
    EXPECT_EQ(steps_of({one_passes, two_passes, ""}, ends_with(1)).back(), std::vector{why});
    EXPECT_EQ(steps_of({one_passes, two_skips, ""}, ends_with(1)).back(), std::vector{why});
    const auto aborted = steps_of({one_passes, two_skips, ""}, ends_with(SIGABRT, true)).back();
    ASSERT_EQ(aborted.size(), 1U);
    EXPECT_TRUE(aborted[0].starts_with("ends 1: SIGABRT")) << aborted[0];
    EXPECT_TRUE(
        steps_of({"[ RUN      ] A.One\n[  FAILED  ] A.One (0 ms)\n", two_skips, ""}, ends_with(1))
            .back()
            .empty());
}

TEST(SharedProcessJob, RepeatsThatDidNotRunHaveNotPassed) {
    const auto end_of = [](std::uint32_t repeats) {
        return steps_of({one_passes, one_passes}, ends_with(0), repeats).back().back();
    };
    EXPECT_EQ(end_of(2), "ends 0 passed");
    EXPECT_EQ(end_of(3), "ends 0: exit code 0 after 2 of 3 repeats");
}

TEST(SharedProcessJob, CatchsExitCodeOfTestsThatWereAllSkippedIsNoFailure) {
    for (const int code : {4, 5}) {
        const ScratchFolder scratch;
        const TestCase one = case_of("one");
        const std::filesystem::path report = scratch.path() / "report";
        TellingYard yard({}, ends_with(code));
        auto job =
            start_shared_process({.tests = {&one}, .scratch = scratch.path()},
                                 {.command = {}, .tests = catch2_told(), .report = report}, yard);
        ASSERT_TRUE(job);
        std::ofstream(report) << "<TestCase name=\"one\"><Skip filename=\"a\" line=\"1\"/>"
                                 "<OverallResult success=\"true\" skips=\"1\"/></TestCase>\n";
        std::vector<JobEvent> events;
        EXPECT_TRUE((*job)->step(events));
        ASSERT_FALSE(events.empty());
        EXPECT_EQ(events.back().judgement.kind == TestJudgement::Kind::skipped, code == 4);
    }
}

TEST(SharedProcessJob, APipeThatCannotBeOpenedIsAnError) {
    const ScratchFolder scratch;
    const TestCase one = case_of("A.One");
    PaperYard yard;
    rlimit most{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &most), 0);
    const rlimit none{0, most.rlim_max};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
    const auto job =
        start_shared_process({.tests = {&one}, .scratch = scratch.path()},
                             {.command = {}, .tests = googletest_told({"A.One"})}, yard);
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &most), 0);
    ASSERT_FALSE(job);
    EXPECT_EQ(job.error().code, ErrorCode::does_not_fit);
    EXPECT_NE(job.error().message.find("cannot open"), std::string::npos) << job.error().message;
}

}  // namespace
}  // namespace hexcore
