#include "hexcore/report/test_page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/report/output_lines.hpp"
#include "hexcore/report/page_parts.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TestResult result_of(const std::string& id, Attempt attempt) {
    TestResult result;
    result.test.id = id;
    result.test.binary = "/somewhere/a_program";
    result.verdict = attempt.verdict;
    result.attempts.push_back(std::move(attempt));
    return result;
}

nlohmann::json page_data(const TestRun& run) {
    std::string page = test_page(run);
    EXPECT_THAT(page, StartsWith(std::string(test_page_parts.before_data)));
    page.erase(0, test_page_parts.before_data.size());
    page.resize(page.size() - test_page_parts.behind_data.size());
    return nlohmann::json::parse(page);
}

TEST(OutputLines, AreWhatATerminalWouldShow) {
    EXPECT_EQ(output_lines("\x1b[1;32mgreen\x1b[0m\tand\r\nnext\rover"), "green\tand\nnext\nover");
    EXPECT_EQ(output_lines("\x1b]0;title\aword\x1b]8;;link\x1b\\s \x1b(b"), "words b");
    EXPECT_EQ(output_lines(std::string_view("\0\x01\xff", 3)), "???");
    EXPECT_EQ(output_lines("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

TEST(OutputLines, EndWhereASequenceIsCutOff) {
    for (const std::string_view cut : {"\x1b", "\x1b[", "\x1b[12;", "\x1b]", "\x1b]0;ti"}) {
        EXPECT_THAT(output_lines("word" + std::string(cut)), StartsWith("word")) << cut.size();
    }
    EXPECT_EQ(output_lines("\x1b]no end\nnext"), "no end\nnext");
}

TEST(TestPage, ThinsCurvesToTheirLargestSamplesAndTheLast) {
    TestRun run;
    run.framework = Framework::catch2;
    for (unsigned n = 0; n < 5000; ++n) {
        Attempt attempt{.duration = seconds(2)};
        for (unsigned i = 0; i < 200; ++i) {
            attempt.samples.push_back({milliseconds(10 * i), 1_MiB * (i == 77 ? 500 : i % 7)});
        }
        run.results.push_back(result_of(std::to_string(n), std::move(attempt)));
    }
    const auto data = page_data(run);
    const auto& attempt = data["tests"][4999]["attempts"][0];
    std::int64_t now = 0;
    std::int64_t most = 0;
    for (const std::int64_t change : attempt["kib"]) {
        now += change;
        most = std::max(most, now);
    }
    EXPECT_EQ(most, 500 * 1024);
    EXPECT_EQ(now, 199 % 7 * 1024);
    EXPECT_LE(attempt["kib"].size(), 24U);
    EXPECT_THAT(data["groups"], ElementsAre("a_program"));
}

TEST(TestPage, HasWhatTestsClaimedAndTookOfDevices) {
    TestRun run;
    Attempt attempt{.duration = seconds(2)};
    attempt.devices = {{"cuda:0", 3_GiB, {{milliseconds(0), {}}, {milliseconds(100), 3_GiB}}}};
    TestResult result = result_of("S.T", std::move(attempt));
    result.test.budget.devices = {{"cuda:0", 4_GiB}};
    result.learned = TestNeed{1_MiB, {{"cuda:0", 2_GiB}}};
    result.history = {
        {.host = 1_MiB}, {.host = 1_MiB, .devices = {{"cuda:0", 1_GiB}}}, {.host = 1_MiB}};
    run.results.push_back(std::move(result));
    const auto row = page_data(run)["tests"][0];
    EXPECT_EQ(row["devices"][0], (nlohmann::json{{"name", "cuda:0"},
                                                 {"budget_bytes", (4_GiB).count()},
                                                 {"learned_bytes", (2_GiB).count()},
                                                 {"history_kib", {0, 1 << 20, 0}}}));
    EXPECT_EQ(row["attempts"][0]["devices"][0], (nlohmann::json{{"name", "cuda:0"},
                                                                {"peak_kib", 3 << 20},
                                                                {"times_ms", {0, 100}},
                                                                {"kib", {0, 3 << 20}}}));
}

TEST(TestPage, OutputOfTestsThatFailedHasRoomFirst) {
    TestRun run;
    for (unsigned n = 0; n < 500; ++n) {
        const bool failed = n % 10 == 9;
        run.results.push_back(
            result_of("S.T" + std::to_string(n),
                      {.verdict = failed ? TestVerdict::failed : TestVerdict::passed,
                       .output = "first" + std::string(100'000, '\x01') + (failed ? "why" : "")}));
    }
    const std::string page = test_page(run);
    EXPECT_LT(page.size(), 3U << 20U);
    const auto data = page_data(run);
    EXPECT_GT(data["outputs_left_out"], 0);
    for (unsigned n = 9; n < 500; n += 10) {
        const std::string output = data["tests"][n]["attempts"][0]["output"];
        ASSERT_THAT(output, StartsWith("first"));
        ASSERT_THAT(output, HasSubstr(" bytes are left out here"));
        ASSERT_TRUE(output.ends_with("why"));
    }
}

TEST(TestPage, LeavesOutTestsThatPassedBeforeThoseThatFailed) {
    TestRun run;
    run.results.resize(20'003);
    run.results.back().verdict = TestVerdict::failed;
    const auto data = page_data(run);
    EXPECT_EQ(data["tests"].size(), 20'001U);
    EXPECT_EQ(data["tests"].back()["verdict"], 1);
    EXPECT_THAT(data["run"]["notes"].dump(), HasSubstr("since they did not fail: 2 tests."));
}

TEST(TestPage, KnowsVerdictsByTheirNumbers) {
    const auto data = page_data({});
    for (const auto verdict :
         {TestVerdict::failed, TestVerdict::over_budget, TestVerdict::flaky_memory}) {
        EXPECT_EQ(data["verdicts"][static_cast<std::size_t>(verdict)], name(verdict));
    }
    const auto residue = static_cast<std::size_t>(MemoryVerdict::residue);
    EXPECT_EQ(data["memory_verdicts"][residue], name(MemoryVerdict::residue));
}

}  // namespace
}  // namespace hexcore
