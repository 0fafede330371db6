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
