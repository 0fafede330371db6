#include "hexcore/isolate/run_book.hpp"

#include <gtest/gtest.h>

#include <string>

#include "paper_suite.hpp"

namespace hexcore {
namespace {

std::vector<TestCase> two_tests() {
    std::vector<TestCase> tests(2);
    tests[0].id = "one";
    tests[1].id = "two";
    return tests;
}

PastRun past(Bytes host, TestVerdict verdict = TestVerdict::passed) {
    return {.duration_ms = 1000, .host = host, .verdict = verdict};
}

TEST(RunBook, NothingIsLearnedOfWhatWasInterrupted) {
    TestRun run;
    SilentEvents events;
    RunBook book(run, two_tests(), {.retries = 2}, events);
    Attempt attempt{.verdict = TestVerdict::failed, .peak = 5_MiB};
    attempt.interrupted = true;
    EXPECT_EQ(book.add(0, attempt, {}), RunBook::Next::over);  // and does not run again
    EXPECT_EQ(book.add(1, Attempt{.peak = 5_MiB}, {}), RunBook::Next::over);
    const TestHistory::News& news = book.news();
    ASSERT_EQ(news.size(), 1);
    EXPECT_EQ(news[0].first, "two");
    EXPECT_EQ(run.results.at(0).verdict, TestVerdict::failed);
}

Attempt leaving(Bytes bytes) {
    Attempt attempt;
    attempt.residues.push_back({.name = "sleep", .bytes = bytes});
    return attempt;
}

TEST(RunBook, NobodysResidueIsAFailureThatAccusesNobody) {
    TestRun run;
    SilentEvents events;
    RunBook book(run, two_tests(), {.fail_on = {"residue"}}, events);
    EXPECT_EQ(book.add(0, {}, {}), RunBook::Next::over);
    Attempt attempt = leaving(3_MiB);
    attempt.left_by_one_of = {2, "one", "two"};
    EXPECT_EQ(book.add(1, attempt, {}), RunBook::Next::over);
    EXPECT_EQ(run.results.at(0).verdict, TestVerdict::passed);
    EXPECT_EQ(run.results.at(1).verdict, TestVerdict::failed);
    EXPECT_EQ(run.results.at(1).reason,
              "one of the 2 tests of its process, one to two, left 3.0 MiB behind, and which of "
              "them is not known: residue is a failure in this run");
    EXPECT_EQ(run.results.at(1).attempts.at(0).reason, run.results.at(1).reason);
}

TEST(RunBook, WhatWasNobodysStaysThatWhenTheTestRunsAgainByItself) {
    for (const bool leaves_itself : {false, true}) {
        TestRun run;
        SilentEvents events;
        RunBook book(run, two_tests(), {.retries = 1, .fail_on = {"residue"}}, events);
        Attempt attempt = leaving(3_MiB);
        attempt.left_by_one_of = {2, "one", "two"};
        EXPECT_EQ(book.add(1, attempt, {}), RunBook::Next::again);
        EXPECT_EQ(book.add(1, leaves_itself ? leaving(1_MiB) : Attempt{}, {}), RunBook::Next::over);
        const TestResult& result = run.results.at(0);
        EXPECT_EQ(result.verdict, TestVerdict::failed);
        EXPECT_EQ(result.reason.starts_with(leaves_itself ? "passed, and left 1.0 MiB behind"
                                                          : "one of the 2 tests"),
                  true)
            << result.reason;
        EXPECT_EQ(result.left_by_one_of() == nullptr, leaves_itself);
    }
}

TEST(RunBook, ResiduesBesideALeakAreNotSaidToBeTheLeaks) {
    TestRun run;
    SilentEvents events;
    RunBook book(run, two_tests(), {.fail_on = {"residue"}}, events);
    Attempt attempt = leaving(3_MiB);
    attempt.growth.push_back({"host", {.verdict = Verdict::leak}});
    EXPECT_EQ(book.add(0, attempt, {}), RunBook::Next::over);
    attempt.left_by_one_of = {2, "one", "two"};
    EXPECT_EQ(book.add(1, attempt, {}), RunBook::Next::over);
    EXPECT_EQ(run.results.at(0).reason,
              "passed, and left 3.0 MiB behind: residue is a failure in this run");
    EXPECT_TRUE(
        run.results.at(1).reason.starts_with("one of the 2 tests of its process, one to "
                                             "two, left 3.0 MiB behind"));
}

TEST(RunBook, WhoeverNeedsMoreThanTheRunHasIsOverBudgetWithoutOneOfItsOwn) {
    TestRun run;
    SilentEvents events;
    RunBook book(run, two_tests(), {}, events);
    Attempt attempt{.verdict = TestVerdict::failed, .reason = "memory was short (0 B left)"};
    attempt.for_memory = true;
    EXPECT_EQ(book.add(0, attempt, {}), RunBook::Next::again_alone);
    attempt.alone = true;
    EXPECT_EQ(book.add(0, attempt, {}), RunBook::Next::over);
    EXPECT_EQ(run.results.at(0).verdict, TestVerdict::over_budget);
    EXPECT_EQ(run.results.at(0).reason,
              "memory was short (0 B left), though nothing ran beside it: it needs more than there "
              "was for the whole run");
}

TEST(LearnedSize, IsNotKnownByRunsThatWereEndedTooSoonAlone) {
    EXPECT_FALSE(learned_size({past(5_MiB, TestVerdict::timed_out)}));
    EXPECT_FALSE(
        learned_size({past(5_MiB, TestVerdict::crashed), past(9_MiB, TestVerdict::over_budget)}));
    EXPECT_TRUE(learned_size({past(5_MiB, TestVerdict::failed)}));
}

TEST(LearnedSize, IsRaisedByRunsThatWereEndedTooSoon) {
    const auto learned =
        learned_size({past(400_MiB), past(700_MiB, TestVerdict::timed_out), past(5_MiB)});
    ASSERT_TRUE(learned);
    EXPECT_EQ(learned->largest.host, 700_MiB);
    EXPECT_EQ(learned->seconds, 1);
}

}  // namespace
}  // namespace hexcore
