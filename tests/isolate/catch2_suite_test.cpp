#include "hexcore/isolate/catch2_suite.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "hexcore/isolate/catch2_list.hpp"
#include "hexcore/isolate/catch2_result.hpp"
#include "isolate/run_launch.hpp"

namespace hexcore {
namespace {

using Kind = TestJudgement::Kind;

/// Of the Catch2 that is installed, or of another (tools/try_catch2_3.sh).
const char* catch2_program() {
    const char* other = std::getenv("HEXCORE_CATCH2_SAMPLE");
    return other == nullptr ? HEXCORE_CATCH2_SAMPLE : other;
}

const ListedSample<Catch2Suite>& catch2_sample() {
    static const ListedSample<Catch2Suite> one(catch2_program());
    return one;
}

/// Version 2 takes some names for the same, and then runs both; version 3 is told which.
bool runs_both(const std::string& id) {
    static const bool tells_them_apart = [] {
        FILE* said = ::popen((std::string(catch2_program()) + " --libidentify").c_str(), "r");
        std::string text(4096, '\0');
        text.resize(std::fread(text.data(), 1, text.size(), said));
        ::pclose(said);
        const std::size_t at = text.find("version:");
        const std::size_t number = text.find_first_of("0123456789", at);
        return at != std::string::npos && number != std::string::npos && text[number] >= '3';
    }();
    return !tells_them_apart && (id == "Case" || id == "case" || id == "*at the start");
}

std::string read_report(const std::filesystem::path& scratch) {
    std::ifstream file(scratch / "hexcore-report.txt", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Catch2Suite, JudgesByTheReportAndTheEnd) {
    const std::map<std::string, Kind> expected{
        {"passes", Kind::passed},
        {"fails", Kind::failed},
        {"checks nothing", Kind::passed},
        {"fails in its second section", Kind::failed},
        {"throws what nobody catches", Kind::failed},
        {"prints what a report ends with", Kind::crashed},
        {"may fail", Kind::passed},
        {"should fail", Kind::failed},
        {"fails as expected", Kind::passed},
        {"ends in the middle with zero", Kind::crashed},
        {"ends in the middle with zero at once", Kind::crashed},
        {"ends in the middle with four", Kind::crashed},
        {"ends by a signal", Kind::crashed},
        {"ends by SIGKILL", Kind::crashed},
        {"ends badly after it passed", Kind::failed},
        {"generates", Kind::failed},
    };
    for (const auto& [id, kind] : expected) {
        const TestJudgement judgement = catch2_sample().judge(id);
        EXPECT_EQ(static_cast<int>(judgement.kind), static_cast<int>(kind))
            << id << ": " << judgement.reason << "\n"
            << judgement.output;
    }
}

TEST(Catch2Suite, RunsTheTestThatIsMeantWhateverItIsCalled) {
    const auto first = std::ranges::find(catch2_sample().tests, std::string("Case"), &TestCase::id);
    std::size_t tried = 0;
    for (auto test = first; test != catch2_sample().tests.end(); ++test, ++tried) {
        const ScratchFolder scratch;
        const TestLaunch launch = catch2_sample().suite.launch(*test, scratch.path());
        const CageOutcome outcome = run_launch(launch);
        const TestJudgement judgement = catch2_sample().suite.judge(*test, outcome, scratch.path());
        const std::string report = read_report(scratch.path());
        EXPECT_EQ(judgement.kind, Kind::passed) << test->id << ": " << judgement.reason << report;
        EXPECT_NE(report.find(runs_both(test->id) ? "in 2 test cases" : "in 1 test case"),
                  std::string::npos)
            << test->id << report;
    }
    EXPECT_EQ(tried, 15U);
}

TEST(Catch2Suite, SaysWhatFailedInALine) {
    const TestJudgement failed = catch2_sample().judge("fails");
    EXPECT_NE(failed.reason.find("catch2_sample.cpp:"), std::string::npos) << failed.reason;
    EXPECT_TRUE(failed.reason.ends_with("REQUIRE( one == 2 ) with expansion: 1 == 2"))
        << failed.reason;
    EXPECT_NE(failed.output.find("with expansion:"), std::string::npos) << failed.output;
    const TestJudgement ended = catch2_sample().judge("ends in the middle with zero");
    EXPECT_EQ(ended.reason, "exit code 0 in the middle of the test");
    EXPECT_EQ(catch2_sample().judge("passes").output, "");
    EXPECT_EQ(catch2_sample().judge("ends by a signal").reason, "SIGSEGV (Segmentation fault)");
    EXPECT_EQ(catch2_sample().judge("should fail").reason,
              "it was to fail ([!shouldfail]) and did not");
    EXPECT_NE(
        catch2_sample().judge("ends badly after it passed").reason.find("exit code 5, though"),
        std::string::npos);
}

TEST(Catch2Suite, HiddenTestsAreThereForWhoAsksForThem) {
    EXPECT_EQ(std::ranges::find(catch2_sample().tests, std::string("hidden"), &TestCase::id),
              catch2_sample().tests.end());
    Catch2Suite hidden({catch2_program(), "[slow]", "--reporter", "compact", "-d", "yes"});
    const auto listed = hidden.list(nullptr);
    ASSERT_TRUE(listed) << listed.error().message;
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_EQ(listed->front().id, "hidden");
    EXPECT_EQ(run_and_judge(hidden, listed->front()).kind, Kind::failed);
}

TEST(Catch2Suite, WhatSelectsTestsIsNoPartOfTheCommandOfOne) {
    Catch2Suite two({catch2_program(), "passes,fails", "-s", "-d", "yes", "--order", "rand"});
    const auto listed = two.list(nullptr);
    ASSERT_TRUE(listed) << listed.error().message;
    ASSERT_EQ(listed->size(), 2U);
    const auto passes = std::ranges::find(*listed, std::string("passes"), &TestCase::id);
    ASSERT_NE(passes, listed->end());
    EXPECT_EQ(run_and_judge(two, *passes).kind, Kind::passed);
    const ScratchFolder scratch;
    const std::vector<std::string> words = two.launch(*passes, scratch.path()).command.words;
    EXPECT_EQ((std::vector<std::string>(words.begin() + 1, words.begin() + 5)),
              (std::vector<std::string>{"-s", "-d", "yes", "\"passes\""}));
}

TEST(Catch2Suite, TagsSayBudgetsEvenWhereTheyAreBrokenIntoLines) {
    const TestCase& test = catch2_sample().test("has budgets");
    EXPECT_EQ(test.budget.memory, 512_MiB);
    ASSERT_EQ(test.budget.devices.size(), 1U);
    EXPECT_EQ(test.budget.devices.front().device, "cuda:0");
    EXPECT_EQ(test.timeout, std::chrono::seconds(90));
    EXPECT_TRUE(test.isolated);
    EXPECT_EQ(test.tags.size(), 5U);
    EXPECT_EQ(catch2_sample().tests.back().budget.memory, 1_GiB);
    EXPECT_EQ(catch2_sample().tests.back().tags.size(), 3U);
    EXPECT_EQ(catch2_sample().test("generates").tags,
              (std::vector<std::string>{"a tag with blanks", "another"}));
}

TEST(Catch2Suite, IdsAreUniqueAndPlacesAreKnown) {
    std::set<std::string> ids;
    for (const TestCase& test : catch2_sample().tests) {
        EXPECT_TRUE(ids.insert(test.id).second) << test.id;
        EXPECT_TRUE(test.file.ends_with("catch2_sample.cpp")) << test.file;
        EXPECT_GT(test.line, 0U);
    }
    EXPECT_TRUE(ids.contains("#hash"));
}

TEST(Catch2List, NamesWithLineBreaksAreWhole) {
    const auto tests = read_catch2_text("one\ntwo\t@a.cpp:3\nthree\t@b:c.cpp:4\n",
                                        "All available test cases:\n  one\n  two\n  three\n"
                                        "      [x]\n2 test cases\n\n");
    ASSERT_TRUE(tests) << tests.error().message;
    ASSERT_EQ(tests->size(), 2U);
    EXPECT_EQ((*tests)[0].name, "one\ntwo");
    EXPECT_EQ((*tests)[1].file, "b:c.cpp");
    EXPECT_EQ((*tests)[1].line, 4U);
    EXPECT_EQ((*tests)[1].tags, std::vector<std::string>{"x"});
}

TEST(Catch2List, ABudgetWhoseTestCannotBeToldIsAnError) {
    const std::string names = "one\t@a.cpp:3\n";
    EXPECT_TRUE(read_catch2_text(names, "All available test cases:\n  other\n      [x]\n"));
    const auto tests =
        read_catch2_text(names, "All available test cases:\n  other\n      [memory:1GiB]\n");
    ASSERT_FALSE(tests);
    EXPECT_EQ(tests.error().code, ErrorCode::usage);
}

TEST(Catch2List, ReadsTheXmlOfVersion3) {
    const auto tests = read_catch2_xml(
        "<?xml version=\"1.0\"?>\n<MatchingTests>\n  <TestCase>\n    <Name> a &lt;b&gt; </Name>\n"
        "    <ClassName/>\n    <Tags>[x][memory:1GiB]</Tags>\n    <SourceInfo>\n"
        "      <File>a.cpp</File>\n      <Line>7</Line>\n    </SourceInfo>\n  </TestCase>\n"
        "</MatchingTests>\n");
    ASSERT_TRUE(tests);
    ASSERT_EQ(tests->size(), 1U);
    EXPECT_EQ(tests->front().name, " a <b> ");
    EXPECT_EQ(tests->front().line, 7U);
    EXPECT_EQ(tests->front().tags, (std::vector<std::string>{"x", "memory:1GiB"}));
    EXPECT_FALSE(read_catch2_xml("All available test cases:\n"));
}

TEST(Catch2Result, Version3SkipsWithAReason) {
    CageOutcome outcome;
    outcome.began = true;
    outcome.code = 4;
    const TestJudgement skipped =
        judge_catch2({}, outcome,
                     "a.cpp:3: SKIPPED:\nexplicitly with message:\n  no such device\n\n"
                     "=====\ntest cases: 1 | 1 skipped\nassertions: - none -\n");
    EXPECT_EQ(skipped.kind, Kind::skipped);
    EXPECT_EQ(skipped.reason, "a.cpp:3: explicitly with message: no such device");
    outcome.code = 42;
    EXPECT_EQ(judge_catch2({}, outcome, "test cases: 1 | 1 failed\n").kind, Kind::failed);
    outcome.code = 2;
    EXPECT_EQ(judge_catch2({}, outcome, "No tests ran\n").kind, Kind::not_run);
}

}  // namespace
}  // namespace hexcore
