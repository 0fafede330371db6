#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/cage_report.hpp"
#include "hexcore/report/test_json.hpp"
#include "hexcore/report/test_junit.hpp"
#include "hexcore/report/test_status.hpp"
#include "hexcore/report/test_summary.hpp"

namespace hexcore {
namespace {

using testing::HasSubstr;
using testing::Not;

TestRun run_of(Attempt attempt) {
    TestRun run;
    TestResult result;
    result.test.id = "Model.Loads";
    result.verdict = attempt.verdict;
    result.reason = attempt.reason;
    result.attempts.push_back(std::move(attempt));
    run.results.push_back(std::move(result));
    return run;
}

TEST(TestReports, AnInterruptedTestIsCalledSoAndNoFailure) {
    Attempt attempt{.verdict = TestVerdict::failed, .reason = "interrupted while it ran"};
    attempt.interrupted = true;
    const TestRun run = run_of(attempt);
    EXPECT_THAT(test_line(run.results[0], {}), HasSubstr("INTERRUPT ["));
    EXPECT_THAT(counts_text(run), HasSubstr("0 passed, 1 interrupted"));
    const std::string junit = test_junit(run);
    EXPECT_THAT(junit,
                HasSubstr(R"(<error message="interrupted while it ran" type="interrupted")"));
    EXPECT_THAT(junit, Not(HasSubstr("<failure")));
    EXPECT_THAT(junit, HasSubstr(R"(failures="0" errors="1")"));
    const auto document = nlohmann::json::parse(test_json(run));
    EXPECT_EQ(document["tests"][0]["runs"][0]["interrupted"], true);
}

TEST(TestReports, WhatStaysIsNotCalledRemoved) {
    Attempt attempt;
    attempt.residues = {{Residue::Kind::process, "sleep", 1_MiB, 7, true},
                        {Residue::Kind::temporary_file, "mine", {}, 0, false}};
    TestRun run = run_of(attempt);
    run.results[0].memory = MemoryVerdict::residue;
    EXPECT_EQ(residue_text(attempt.residues),
              "left behind: process sleep (pid 7), 1.0 MiB, ended; temporary file mine, which "
              "stays");
    EXPECT_EQ(residue_text(attempt.residues, 1),
              "left behind: process sleep (pid 7), 1.0 MiB, ended; and 1 more");
    EXPECT_THAT(test_line(run.results[0], {}), HasSubstr("mine, which"));
    EXPECT_THAT(run_summary(run, false, {}), HasSubstr("behind that stays: Model.Loads"));
    EXPECT_THAT(run_summary(run, false, {}), Not(HasSubstr("removed")));
    const auto document = nlohmann::json::parse(test_json(run));
    EXPECT_EQ(document["tests"][0]["runs"][0]["residues"][1]["gone"], false);
}

}  // namespace
}  // namespace hexcore
