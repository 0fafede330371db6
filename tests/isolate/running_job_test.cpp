#include "hexcore/isolate/running_job.hpp"

#include <gtest/gtest.h>

#include <csignal>

#include "paper_suite.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// A process of two tests, the run's 5 and 6, that a signal ended.
class JobOfTwo {
public:
    explicit JobOfTwo(PaperJob::Steps steps) {
        CageOutcome outcome;
        outcome.began = true;
        outcome.signalled = true;
        outcome.code = SIGTERM;
        RunningJob::Facts facts;
        facts.tests = {5, 6};
        facts.cases = {&tests_[0], &tests_[1]};
        facts.timeout = 1s;
        job_ = std::make_unique<RunningJob>(
            std::move(facts), std::make_unique<PaperJob>(std::move(steps), outcome), 0s);
    }
    RunningJob& job() { return *job_; }

    std::vector<EndedTest> step() {
        std::vector<EndedTest> ended;
        is_over = job_->step(2s, ended);
        return ended;
    }

    bool is_over = false;

private:
    TestCase tests_[2];
    std::unique_ptr<RunningJob> job_;
};

using Kind = TestJudgement::Kind;

TEST(RunningJob, ATestPaysForNoneBeforeItThatWasAskedToEnd) {
    for (const bool is_told : {false, true}) {  // the suite says that it crashed, or nothing
        JobOfTwo two(
            {{PaperJob::begins(0)},
             {PaperJob::ends(0), PaperJob::begins(1)},
             is_told ? std::vector{PaperJob::ends(1, Kind::crashed)} : std::vector<JobEvent>{}});
        EXPECT_TRUE(two.step().empty());
        two.job().end(EndedByUs::timed_out, 1s);
        const auto ended = two.step();
        ASSERT_EQ(ended.size(), 1);
        EXPECT_EQ(ended[0].test, 5);
        EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::passed);
        EXPECT_TRUE(two.step().empty());
        EXPECT_TRUE(two.is_over);
        EXPECT_EQ(two.job().left(), std::vector<std::size_t>{6});  // runs again
    }
}

TEST(RunningJob, ATestThatIsEndedItselfHasThatVerdict) {
    JobOfTwo two({{PaperJob::begins(0)}, {PaperJob::ends(0, Kind::crashed)}});
    EXPECT_TRUE(two.step().empty());
    two.job().end(EndedByUs::timed_out, 1s);
    const auto ended = two.step();
    ASSERT_EQ(ended.size(), 1);
    EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::timed_out);
}

TEST(RunningJob, ATestThatWasOverBeforeItsProcessWasEndedKeepsItsVerdict) {
    JobOfTwo two({{PaperJob::begins(0), PaperJob::ends(0)}, {}});
    EXPECT_TRUE(two.step().empty());
    two.job().kill(EndedByUs::memory_short, 1s);
    const auto ended = two.step();
    ASSERT_EQ(ended.size(), 1);
    EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::passed);
    EXPECT_FALSE(ended[0].attempt.for_memory);
}

TEST(RunningJob, WhereNoneBeganTheFirstHasTheVerdict) {
    JobOfTwo two({{}, {}});
    EXPECT_TRUE(two.step().empty());
    two.job().end(EndedByUs::timed_out, 1s);
    const auto ended = two.step();
    ASSERT_EQ(ended.size(), 1);
    EXPECT_EQ(ended[0].test, 5);
    EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::timed_out);
}

}  // namespace
}  // namespace hexcore
