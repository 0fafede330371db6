#include "hexcore/isolate/told_tests.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hexcore/isolate/catch2_told.hpp"
#include "hexcore/isolate/googletest_told.hpp"

namespace hexcore {
namespace {

/// What is told, a text each: "begins a", "a failed: why".
std::vector<std::string> told_of(ToldTests& tests, const std::string& text, std::size_t portion) {
    std::vector<ToldTest> told;
    for (std::size_t at = 0; at < text.size(); at += portion) {
        tests.take(std::string_view(text).substr(at, portion), told);
    }
    std::vector<std::string> shown;
    for (const ToldTest& one : told) {
        const TestJudgement& judgement = one.judgement;
        const char* kind = judgement.kind == TestJudgement::Kind::passed    ? " passed"
                           : judgement.kind == TestJudgement::Kind::skipped ? " skipped: "
                           : judgement.kind == TestJudgement::Kind::crashed ? " crashed: "
                                                                            : " failed: ";
        shown.push_back(one.kind == ToldTest::Kind::begins ? "begins " + one.name
                                                           : one.name + kind + judgement.reason);
    }
    return shown;
}

TEST(GoogletestTold, SaysWhichTestRunsHoweverItsOutputComes) {
    const std::string text =
        "[ RUN      ] A.One\nno end[       OK ] A.One (12 ms)\n"
        "[ RUN      ] A.Foreign\n[       OK ] A.Foreign (0 ms)\n"
        "[ RUN      ] A.Two\n[ RUN      ] A.One\n[       OK ] A.One (0 ms)\n"
        "a.cpp:7: Failure\nExpected equality:\n  1\n\nmore\n"
        "[  FAILED  ] A.Two, where GetParam() = 3 (1 ms)\n"
        "[ RUN      ] A.TwoMore\na.cpp:9: Skipped\nnot here\n\n[  SKIPPED ] A.TwoMore (0 ms)\n"
        "[  FAILED  ] A.Two, where GetParam() = 3\n";
    const std::vector<std::string> expected{
        "begins A.One",     "A.One passed",
        "begins A.Two",     "A.Two failed: a.cpp:7: Expected equality: 1",
        "begins A.TwoMore", "A.TwoMore skipped: a.cpp:9: not here"};
    for (const std::size_t portion : {std::size_t{1}, std::size_t{7}, text.size()}) {
        const auto tests = googletest_told({"A.One", "A.Two", "A.TwoMore"});
        EXPECT_EQ(told_of(*tests, text, portion), expected) << portion;
    }
}

TEST(GoogletestTold, WhatATestPrintsWithoutEndHidesNoEnd) {
    const auto tests = googletest_told({"A.One"});
    const auto told = told_of(
        *tests, "[ RUN      ] A.One\n" + std::string(300'000, 'x') + "[       OK ] A.One (0 ms)\n",
        4096);
    EXPECT_EQ(told, (std::vector<std::string>{"begins A.One", "A.One passed"}));
}

TEST(GoogletestTold, AnEndNeedsNoTime) {
    const auto tests = googletest_told({"A.One", "A.OneMore"});
    EXPECT_EQ(
        told_of(*tests, "[ RUN      ] A.One\n[       OK ] A.OneMore\n[       OK ] A.One\n", 7),
        (std::vector<std::string>{"begins A.One", "A.One passed"}));
}

TEST(GoogletestTold, WhatIsSkippedSinceItCouldNotBeSetUpHasFailed) {
    const std::string skipped =
        "[ RUN      ] A.One\na.cpp:3: Skipped\n\n[  SKIPPED ] A.One (0 ms)\n";
    const std::string failure = "a.cpp:9: Failure\nFailed\nno device\n\n";
    const std::string begin = "[----------] Global test environment set-up.\n";
    const std::string suite = "[----------] 1 test from A\n";
    const std::string other =
        "[----------] 1 test from B\n" + failure + "[----------] 1 test from B (0 ms total)\n\n";
    const std::string why = "A.One failed: in a set-up: a.cpp:9: Failed no device";
    const auto end_of = [](const std::string& text) {
        return told_of(*googletest_told({"A.One"}), text, 7).at(1);
    };
    EXPECT_EQ(end_of(begin + suite + failure + skipped), why);
    EXPECT_EQ(end_of(begin + failure + other + suite + skipped), why);
    EXPECT_EQ(end_of(begin + other + suite + skipped), "A.One skipped: a.cpp:3:")
        << "a tear-down's";
    EXPECT_EQ(
        end_of(begin + suite + failure +
               "[ RUN      ] A.One\na.cpp:3: Skipped\nnot here\n\n[  SKIPPED ] A.One (0 ms)\n"),
        "A.One skipped: a.cpp:3: not here");
}

TEST(Catch2Told, WhatATestWritesWithoutEndIsNoFailure) {
    const std::string words(std::size_t{40} << 20U, 'x');
    const auto end_of = [&](const char* success, const std::string& more) {
        return told_of(*catch2_told(),
                       "<TestCase name=\"a\">\n<OverallResult success=\"" + std::string(success) +
                           "\">\n<StdOut>\n" + words + "\n</StdOut>\n" + more +
                           "</OverallResult>\n</TestCase>\n<TestCase name=\"b\">\n"
                           "<OverallResult success=\"true\"/></TestCase>\n",
                       65536);
    };
    EXPECT_EQ(end_of("true", ""),
              (std::vector<std::string>{"begins a", "a passed", "begins b", "b passed"}));
    EXPECT_EQ(end_of("true", "<StdErr>" + words + "</StdErr>").at(1), "a passed");
    EXPECT_TRUE(end_of("false", "").at(1).starts_with("a failed"));
}

TEST(Catch2Told, SaysTheSameOfBothVersions) {
    const std::string text =
        "<?xml version=\"1.0\"?>\n<Catch2TestRun name=\"a\">\n"
        "  <TestCase name=\"a > b &quot;c&quot;\" tags=\"[x]\" filename=\"a.cpp\" line=\"3\">\n"
        "    <OverallResult success=\"true\" skips=\"0\"/>\n  </TestCase>\n"
        "  <TestCase name=\"two\" filename=\"a.cpp\" line=\"5\">\n    <Section name=\"s\">\n"
        "      <Expression success=\"false\" type=\"REQUIRE\" filename=\"a.cpp\" line=\"6\">\n"
        "        <Original>\n          one == 2\n        </Original>\n"
        "        <Expanded>\n          1 == 2\n        </Expanded>\n      </Expression>\n"
        "    </Section>\n    <OverallResult success=\"false\" durationInSeconds=\"0.5\">\n"
        "      <StdOut>\nsaid &lt;/TestCase>\n      </StdOut>\n    </OverallResult>\n"
        "  </TestCase>\n"
        "  <TestCase name=\"three\">\n    <Skip filename=\"a.cpp\" line=\"9\">not here</Skip>\n"
        "    <OverallResult success=\"true\" skips=\"1\"/>\n  </TestCase>\n"
        "  <TestCase name=\"four\">\n"
        "    <FatalErrorCondition filename=\"a.cpp\" line=\"11\">SIGSEGV</FatalErrorCondition>\n"
        "    <OverallResult success=\"false\"/>\n  </TestCase>\n";
    const std::vector<std::string> expected{
        "begins a > b \"c\"", "a > b \"c\" passed",
        "begins two",         "two failed: a.cpp:6: one == 2 => 1 == 2",
        "begins three",       "three skipped: a.cpp:9: not here",
        "begins four",        "four crashed: a.cpp:11: SIGSEGV"};
    for (const std::size_t portion : {std::size_t{1}, std::size_t{7}, text.size()}) {
        EXPECT_EQ(told_of(*catch2_told(), text, portion), expected) << portion;
    }
}

TEST(ToldLevels, AreTakenOnceAndOnlyWhereTheyAreWhatTheyHaveToBe) {
    ToldLevels levels;
    levels.take("{\"begin\": \"A.One\", \"resident_bytes\": 7}\n{\"end\": \"A.One\", \"resid");
    EXPECT_EQ(levels.take_begin("A.One")->resident, Bytes(7));
    EXPECT_FALSE(levels.take_begin("A.One"));
    EXPECT_FALSE(levels.take_end("A.One"));
    levels.take(
        "ent_bytes\": 9, \"allocated_bytes\": 5, \"devices\": [{\"name\": \"cuda:0\", \"bytes\": "
        "3}, {\"name\": 4}, 5]}\nnonsense\n[]\n{\"end\": 3}\n{\"end\": \"B\", \"resident_bytes\": "
        "-1}\n");
    const auto end = levels.take_end("A.One");
    ASSERT_TRUE(end);
    EXPECT_EQ(end->resident, Bytes(9));
    ASSERT_EQ(end->levels.size(), 3U);
    EXPECT_EQ(end->levels[1].basis, MemoryLevel::Basis::exact);
    EXPECT_EQ(end->levels[2].device, "cuda:0");
    EXPECT_FALSE(levels.take_end("B")->resident);
}

}  // namespace
}  // namespace hexcore
