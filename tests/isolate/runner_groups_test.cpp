#include <gtest/gtest.h>

#include <csignal>
#include <string>

#include "hexcore/isolate/runner.hpp"
#include "paper_suite.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

std::unique_ptr<TestJob> passing_job(const JobRequest& request) {
    PaperJob::Steps steps;
    for (std::size_t test = 0; test < request.tests.size(); ++test) {
        steps.push_back({PaperJob::begins(test)});
        steps.push_back({PaperJob::ends(test)});
    }
    return std::make_unique<PaperJob>(std::move(steps));
}

std::unique_ptr<TestJob> job_that_crashes_in_the_first() {
    CageOutcome outcome;
    outcome.began = true;
    outcome.signalled = true;
    outcome.code = SIGSEGV;
    return std::make_unique<PaperJob>(PaperJob::Steps{{PaperJob::begins(0)}, {}}, outcome);
}

class RunnerOnPaper : public testing::Test {
protected:
    void run(std::vector<TestCase> tests, PaperSuite::Start start) {
        TestRunOptions options;
        options.slots = 2;
        options.scratch = folder_.path();
        run_.machine = room_.machine();
        PaperSuite suite(std::move(start));
        PaperYard yard;
        RunRequests requests;
        book_ = std::make_unique<RunBook>(run_, tests, options.book, events_);
        run_tests(run_, *book_, {}, options, {suite, yard, room_, events_, requests, keep_});
    }

    test::TempFolder folder_;
    AmpleRoom room_;
    SilentEvents events_;
    TestRun run_;
    std::unique_ptr<RunBook> book_;
    std::function<void()> keep_;
};

TEST_F(RunnerOnPaper, AGroupInWhichATestFailedHasFailedHoweverItsRestEnds) {
    std::vector<TestCase> tests(3);
    tests[0].id = "crashes";
    tests[0].fixtures_setup = {"server"};
    tests[1].id = "passes";
    tests[0].group = tests[1].group = "group";
    tests[2].id = "requires";
    tests[2].fixtures_required = {"server"};
    std::vector<std::string> began;
    run(tests, [&](const JobRequest& request) {
        began.push_back(request.tests.front()->id);
        return began.back() == "crashes" ? job_that_crashes_in_the_first() : passing_job(request);
    });
    EXPECT_EQ(began, (std::vector<std::string>{"crashes", "passes"}));
    ASSERT_EQ(run_.results.size(), 3);
    EXPECT_EQ(run_.results[2].test.id, "requires");
    EXPECT_EQ(run_.results[2].verdict, TestVerdict::failed);
}

TEST_F(RunnerOnPaper, KeepsWhatItLearnsWhileItRuns) {
    std::vector<TestCase> tests(120);
    for (std::size_t test = 0; test < tests.size(); ++test) {
        tests[test].id = std::to_string(test);
    }
    std::size_t kept = 0;
    keep_ = [&] {
        EXPECT_LE(book_->news().size(), 52);
        kept += book_->news().size();
        book_->forget_news();
    };
    run(tests, passing_job);
    EXPECT_GT(kept, 60);
    EXPECT_EQ(kept + book_->news().size(), 120);
}

TEST_F(RunnerOnPaper, WhatCouldNotBeKeptIsNotTriedWithEachTest) {
    std::vector<TestCase> tests(120);
    for (std::size_t test = 0; test < tests.size(); ++test) {
        tests[test].id = std::to_string(test);
    }
    std::size_t tried = 0;
    keep_ = [&] { tried += 1; };
    run(tests, passing_job);
    EXPECT_LT(tried, 60);
    EXPECT_EQ(book_->news().size(), 120);
}

}  // namespace
}  // namespace hexcore
