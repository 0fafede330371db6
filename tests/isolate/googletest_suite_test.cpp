#include "hexcore/isolate/googletest_suite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hexcore/isolate/program_tests.hpp"
#include "isolate/run_launch.hpp"

namespace hexcore {
namespace {

using Kind = TestJudgement::Kind;

const ListedSample<GoogletestSuite>& googletest_sample() {
    static const ListedSample<GoogletestSuite> one(HEXCORE_GOOGLETEST_SAMPLE);
    return one;
}

TEST(GoogletestSuite, ListsTestsWithTheirPlaces) {
    const TestCase& test = googletest_sample().test("Plain.Passes");
    EXPECT_TRUE(test.file.ends_with("googletest_sample.cpp")) << test.file;
    EXPECT_GT(test.line, 0U);
    EXPECT_EQ(test.binary, std::filesystem::canonical(HEXCORE_GOOGLETEST_SAMPLE));
    EXPECT_EQ(test.disabled, "");
    EXPECT_EQ(googletest_sample().test("FirstOnes/Numbers.AreSmall/2").name,
              "FirstOnes/Numbers.AreSmall/2");
}

TEST(GoogletestSuite, FlagsThatMeanNothingForSingleTestsAreToldAndDoNoHarm) {
    GoogletestSuite suite({HEXCORE_GOOGLETEST_SAMPLE, "--gtest_output=xml:/nowhere/results.xml",
                           "--gtest_repeat=-1"});
    const auto tests = suite.list(nullptr);
    ASSERT_TRUE(tests) << tests.error().message;
    const auto notes = suite.notes();
    ASSERT_EQ(notes.size(), 2U);
    EXPECT_NE(notes[0].find("gtest_output is not followed"), std::string::npos);
    EXPECT_NE(notes[1].find("gtest_repeat is not followed"), std::string::npos);
    const auto passes = std::ranges::find(*tests, "Plain.Passes", &TestCase::id);
    EXPECT_EQ(static_cast<int>(run_and_judge(suite, *passes).kind), static_cast<int>(Kind::passed));
    EXPECT_TRUE(googletest_sample().suite.notes().empty());
}

TEST(GoogletestSuite, EachTestHasAnIdOfItsOwnThatATerminalShows) {
    std::set<std::string> ids;
    for (const TestCase& test : googletest_sample().tests) {
        EXPECT_TRUE(ids.insert(test.id).second) << test.id;
        EXPECT_EQ(test.id.find_first_of("\n\xFF"), std::string::npos) << test.id;
    }
    EXPECT_TRUE(ids.contains("Odd.twice"));
    EXPECT_TRUE(ids.contains("Odd.twice#2"));
    EXPECT_EQ(googletest_sample().test("Odd.??").name, "Odd.\xFF\xFE");
}

TEST(GoogletestSuite, JudgesByTheReportAndTheEnd) {
    const std::map<std::string, Kind> expected{
        {"Plain.Passes", Kind::passed},
        {"Plain.Fails", Kind::failed},
        {"Plain.Skips", Kind::skipped},
        {"Plain.SaysBytesThatAreNoText", Kind::failed},
        {"Plain.ThrowsWhatNobodyCatches", Kind::failed},
        {"Ends.InTheMiddleWithZero", Kind::crashed},
        {"Ends.InTheMiddleWithZeroAtOnce", Kind::crashed},
        {"Ends.InTheMiddleWithThree", Kind::crashed},
        {"Ends.ByASignal", Kind::crashed},
        {"Ends.ByAThreadThatNobodyJoined", Kind::crashed},
        {"Ends.BadlyAfterItPassed", Kind::failed},
        {"Ends.ByASignalAfterItPassed", Kind::crashed},
        {"BadSuite.HasATest", Kind::failed},
        {"KnownOnlyAfterwards.TakesMore", Kind::over_budget},
        {"KnownOnlyAfterwards.TakesLess", Kind::passed},
        {"KnownOnlyAfterwards.SaysNoSize", Kind::failed},
        {"DyingDeathTest.DiesAsItShould", Kind::passed},
        {"DyingDeathTest.DiesAsItShouldInAProgramOfItsOwn", Kind::passed},
        {"FirstOnes/Numbers.AreSmall/1", Kind::passed},
        {"FirstOnes/Numbers.AreSmall/2", Kind::failed},
        {"Typed/1.HasADefault", Kind::passed},
    };
    for (const auto& [id, kind] : expected) {
        const TestJudgement judgement = googletest_sample().judge(id);
        EXPECT_EQ(static_cast<int>(judgement.kind), static_cast<int>(kind))
            << id << ": " << judgement.reason;
    }
}

TEST(GoogletestSuite, RunsTheOneTestThatIsMeantWhateverItIsCalled) {
    const std::map<std::string, Kind> expected{
        {"Odd.a:b", Kind::passed},
        {"Odd.a-b", Kind::failed},
        {"Odd.a*b", Kind::passed},
        {"Odd.a?b", Kind::failed},
        {"Odd.axb", Kind::passed},
        {"Odd.twice", Kind::passed},
        {"Odd.twice#2", Kind::failed},
        {"Odd.with blanks and \"quotes\" 'too' \\ /", Kind::passed},
        {"Odd.line?end", Kind::passed},
        {"Odd.\xF0\x9F\x98\x80", Kind::passed},
        {"Odd.??", Kind::passed},
        {"Odd.", Kind::passed},
        {"-Suite:of*odd?names..", Kind::passed},
    };
    for (const auto& [id, kind] : expected) {
        const TestJudgement judgement = googletest_sample().judge(id);
        EXPECT_EQ(static_cast<int>(judgement.kind), static_cast<int>(kind))
            << id << ": " << judgement.reason;
    }
}

TEST(GoogletestSuite, SaysWhatFailedInALine) {
    const std::string place = "googletest_sample.cpp:";
    const TestJudgement failed = googletest_sample().judge("Plain.Fails");
    EXPECT_NE(failed.reason.find(place), std::string::npos) << failed.reason;
    EXPECT_NE(failed.reason.find("Expected equality of these values: 1 2 of course"),
              std::string::npos)
        << failed.reason;
    EXPECT_TRUE(googletest_sample().judge("Plain.FailsTwice").reason.ends_with("(and 1 more)"));
    EXPECT_NE(googletest_sample().judge("Plain.Skips").reason.find("no such device here"),
              std::string::npos);
    EXPECT_EQ(googletest_sample().judge("Ends.InTheMiddleWithZero").reason,
              "exit code 0 in the middle of the test");
    EXPECT_EQ(googletest_sample().judge("Ends.ByASignal").reason, "SIGSEGV (Segmentation fault)");
    EXPECT_NE(
        googletest_sample().judge("Ends.BadlyAfterItPassed").reason.find("exit code 5, though"),
        std::string::npos);
    EXPECT_NE(googletest_sample()
                  .judge("Ends.ByASignalAfterItPassed")
                  .reason.find("after the test had ended"),
              std::string::npos);
    // By GoogleTest 1.12's report the suite's failure is nobody's; later ones say more.
    const TestJudgement suite = googletest_sample().judge("BadSuite.HasATest");
    EXPECT_NE(suite.reason.find("set"), std::string::npos) << suite.reason;
    EXPECT_EQ(googletest_sample().judge("KnownOnlyAfterwards.TakesMore").reason,
              "it took 5.0 MiB of the 1.0 KiB that its property hexcore.memory allows, which is "
              "known only after its end");
}

TEST(GoogletestSuite, DisabledTestsAreListedAsSuchUnlessTheyAreAskedFor) {
    EXPECT_NE(googletest_sample().test("Plain.DISABLED_WouldFail").disabled, "");
    GoogletestSuite all({HEXCORE_GOOGLETEST_SAMPLE, "--gtest_also_run_disabled_tests"});
    const auto listed = all.list(nullptr);
    ASSERT_TRUE(listed) << listed.error().message;
    const auto disabled = std::ranges::find(*listed, "Odd.DISABLED_a-b", &TestCase::id);
    ASSERT_NE(disabled, listed->end());
    EXPECT_EQ(disabled->disabled, "");
    EXPECT_EQ(run_and_judge(all, *disabled).kind, Kind::passed);
}

TEST(GoogletestSuite, BudgetsAreKnownBeforeATestRuns) {
    const TestCase& told = googletest_sample().test("Told.Budget");
    EXPECT_EQ(told.budget.memory, 512_MiB);
    ASSERT_EQ(told.budget.devices.size(), 1U);
    EXPECT_EQ(told.budget.devices.front().device, "cuda:0");
    EXPECT_EQ(told.budget.devices.front().limit, 4_GiB);
    EXPECT_EQ(told.timeout, std::chrono::seconds(90));
    EXPECT_EQ(googletest_sample().test("FirstOnes/Numbers.AreSmall/0").budget.memory, 64_MiB);
    EXPECT_EQ(googletest_sample().test("Typed/0.HasADefault").budget.memory, 32_MiB);
    EXPECT_EQ(googletest_sample().test("Plain.Passes").budget.memory, std::nullopt);
}

TEST(GoogletestSuite, TheUsersFilterAndArgumentsAreKept) {
    GoogletestSuite some({HEXCORE_GOOGLETEST_SAMPLE, "--gtest_filter=Plain.*-*Fails*"});
    const auto listed = some.list(nullptr);
    ASSERT_TRUE(listed) << listed.error().message;
    std::vector<std::string> ids;
    for (const TestCase& test : *listed) {
        ids.push_back(test.id);
    }
    EXPECT_EQ(ids, (std::vector<std::string>{
                       "Plain.Passes", "Plain.Skips", "Plain.SaysBytesThatAreNoText",
                       "Plain.DISABLED_WouldFail", "Plain.ThrowsWhatNobodyCatches"}));
    EXPECT_EQ(run_and_judge(some, listed->front()).kind, Kind::passed);
    const ScratchFolder scratch;
    EXPECT_EQ(some.launch(listed->front(), scratch.path()).command.words[1],
              "--gtest_filter=Plain.*-*Fails*");
}

TEST(GoogletestSuite, AProgramThatEndsBeforeItRunsTestsHasNotPassed) {
    GoogletestSuite suite({HEXCORE_GOOGLETEST_SAMPLE});
    const auto listed = suite.list(nullptr);
    ASSERT_TRUE(listed);
    const ScratchFolder scratch;
    TestLaunch launch = suite.launch(listed->front(), scratch.path());
    launch.command.words.emplace_back("--fail-all");
    const CageOutcome outcome = run_launch(launch);
    EXPECT_EQ(outcome.code, 9);
    EXPECT_EQ(suite.judge(listed->front(), outcome, scratch.path()).kind, Kind::crashed);
}

TEST(GoogletestSuite, AProgramThatListsNothingIsToldWithItsLastWords) {
    GoogletestSuite none({"sh", "-c", "echo what is this >&2; exit 3"});
    const auto listed = none.list(nullptr);
    ASSERT_FALSE(listed);
    EXPECT_EQ(listed.error().code, ErrorCode::usage);
    EXPECT_NE(listed.error().message.find("exit code 3"), std::string::npos);
    EXPECT_NE(listed.error().message.find("what is this"), std::string::npos);
}

TEST(GoogletestSuite, ProgramsThatAListedOneStartsTellNoBudgets) {
    const ScratchFolder scratch;
    const auto told_as = [&](const std::string& whose) {
        const std::filesystem::path file = scratch.path() / ("of-" + whose);
        const std::string command = "HEXCORE_TEST_BUDGETS=" + file.string() +
                                    " HEXCORE_TEST_BUDGETS_OF=" + whose + " " +
                                    HEXCORE_GOOGLETEST_SAMPLE + " --gtest_list_tests >/dev/null";
        EXPECT_EQ(std::system(command.c_str()), 0);
        return std::filesystem::exists(file);
    };
    EXPECT_TRUE(told_as(""));
    EXPECT_FALSE(told_as("1"));
}

TEST(GoogletestSuite, ShardsOfTheUsersEnvironmentDoNotHideTests) {
    ::setenv("GTEST_TOTAL_SHARDS", "1000", 1);
    ::setenv("GTEST_SHARD_INDEX", "999", 1);
    GoogletestSuite suite({HEXCORE_GOOGLETEST_SAMPLE, "--gtest_filter=Plain.Passes"});
    const auto listed = suite.list(nullptr);
    const bool found = listed && listed->size() == 1;
    const Kind kind = found ? run_and_judge(suite, listed->front()).kind : Kind::not_run;
    ::unsetenv("GTEST_TOTAL_SHARDS");
    ::unsetenv("GTEST_SHARD_INDEX");
    ASSERT_TRUE(found);
    EXPECT_EQ(kind, Kind::passed);
}

}  // namespace
}  // namespace hexcore
