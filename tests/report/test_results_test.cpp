#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "hexcore/report/cage_json.hpp"
#include "hexcore/report/cage_report.hpp"
#include "hexcore/report/fitted_text.hpp"
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

TEST(TestReports, WhatMayBeAnothersIsNotSaidOfTheTest) {
    for (const bool is_failure : {false, true}) {
        Attempt attempt;
        attempt.residues = {{Residue::Kind::process, "sleep", 1_MiB, 7, true}};
        attempt.left_by_one_of = {3, "Model.Leaves", "Model.Loads"};
        if (is_failure) {
            attempt.verdict = TestVerdict::failed;
            attempt.reason = one_of(*attempt.left_by_one_of) + ", left 1.0 MiB behind";
        }
        TestRun run = run_of(attempt);
        run.results[0].memory = MemoryVerdict::unattributable;
        run.results[0].kept = 1_MiB;
        const std::string who = "one of the 3 tests of its process, Model.Leaves to Model.Loads";
        TextStyle wide;
        wide.columns = 200;
        const std::string line = test_line(run.results[0], wide);
        EXPECT_THAT(line, HasSubstr("LEFT, by whom is not known"));
        EXPECT_THAT(line, HasSubstr(who));
        EXPECT_EQ(line.find(who), line.rfind(who)) << "once";
        EXPECT_THAT(run_summary(run, false, wide),
                    HasSubstr("left by one of several tests of a process: Model.Leaves to "
                              "Model.Loads (3 tests) +1.0 MiB"));
        const std::string junit = test_junit(run);
        EXPECT_THAT(junit, HasSubstr("unattributable 1.0 MiB\nleft by " + who));
        EXPECT_EQ(junit.find("<failure message=\"" + who) != std::string::npos, is_failure);
        const auto document = nlohmann::json::parse(test_json(run));
        EXPECT_EQ(
            document["tests"][0]["left_by_one_of"],
            (nlohmann::json{{"tests", 3}, {"first", "Model.Leaves"}, {"last", "Model.Loads"}}));
    }
    EXPECT_EQ(nlohmann::json::parse(test_json(run_of({})))["tests"][0]["left_by_one_of"], nullptr);
}

/// A test of two GPUs, one of which has a budget.
TestRun run_with_gpus() {
    Attempt attempt{.duration = std::chrono::milliseconds(21'400), .peak = 1_MiB * 17'900};
    attempt.devices = {{"cuda:0", 1_MiB * 9'400, {{std::chrono::milliseconds(100), 1_GiB}}},
                       {"cuda:1", 100_MiB}};
    TestRun run = run_of(attempt);
    run.results[0].test.budget.devices = {{"cuda:0", 12_GiB}};
    run.results[0].learned = TestNeed{1_GiB, {{"cuda:1", 115_MiB}}};
    return run;
}

TEST(TestReports, MemoryOfGpusStandsInItsLine) {
    const TestRun run = run_with_gpus();
    EXPECT_EQ(test_line(run.results[0], {}),
              "     PASS [  21.4 s 17.48 GiB  cuda:0  9.18 GiB of 12.00 GiB  cuda:1   100 MiB] "
              "Model.Loads\n");
    RunProgress progress{.done = 3, .total = 9, .held = 2_GiB};
    progress.running.push_back({.id = "Model.Loads",
                                .since = std::chrono::seconds(61),
                                .held = 2_GiB,
                                .devices = {{"cuda:0", 3_GiB}, {"cuda:1", {}}}});
    TextStyle style;
    style.columns = 80;
    EXPECT_THAT(slow_line(progress.running[0], style),
                HasSubstr("SLOW [  61.0 s  2.00 GiB  cuda:0 3.00 GiB] Model.Loads\n"));
    EXPECT_THAT(running_lines(progress, style),
                HasSubstr("1 running, with 2.00 GiB, cuda:0 3.00 GiB; 0 B left\n"));
    EXPECT_THAT(progress_line(progress, style),
                HasSubstr("3/9  1 running, 2.00 GiB, cuda:0 3.00 GiB  Model.Loads"));
    for (progress.total = 1; style.columns > 10; --style.columns) {
        EXPECT_LE(terminal_columns(progress_line(progress, style)), style.columns);
    }
}

TEST(TestReports, TheDocumentHasCurvesOfDevices) {
    const auto document = nlohmann::json::parse(test_json(run_with_gpus()));
    const auto& test = document["tests"][0];
    EXPECT_EQ(test["devices"][0], (nlohmann::json{{"name", "cuda:0"},
                                                  {"budget_bytes", (12_GiB).count()},
                                                  {"peak_bytes", (1_MiB * 9'400).count()},
                                                  {"learned_bytes", nullptr}}));
    EXPECT_EQ(test["devices"][1]["learned_bytes"], (115_MiB).count());
    const auto& use = test["runs"][0]["devices"][0];
    EXPECT_EQ(use["peak_bytes"], (1_MiB * 9'400).count());
    EXPECT_EQ(use["samples"], (nlohmann::json{{100, (1_GiB).count()}}));
}

TEST(CageDocuments, NamesAreTheSameInAll) {
    const Guards guards{
        MemoryGuard::cgroup_v1, KillGuard::cgroup_kill, ShareGuard::namespaces, true, {}};
    CageOutcome outcome;
    outcome.ended_by_us = EndedByUs::over_budget;
    outcome.breach = Breach{.device = "memory",
                            .limit = 1_MiB,
                            .used = 2_MiB,
                            .owners = {{.pid = 7, .name = "sleep", .bytes = 2_MiB}}};
    outcome.residues = {{Residue::Kind::shared_memory, "mine", 1_MiB, 0, true}};
    const auto limit = limit_json({"sleep"}, {}, guards, outcome);
    EXPECT_EQ(limit["guards"]["memory"], "cgroup_v1");
    EXPECT_EQ(limit["guards"]["kill"], "cgroup_kill");
    EXPECT_EQ(limit["ended_by_us"], "over_budget");
    EXPECT_EQ(limit["residues"][0]["kind"], "shared_memory");
    Attempt attempt;
    attempt.breach = outcome.breach;
    attempt.residues = outcome.residues;
    TestRun run = run_of(attempt);
    run.guards = guards;
    const auto document = nlohmann::ordered_json::parse(test_json(run));
    EXPECT_EQ(document["guards"], limit["guards"]);
    EXPECT_EQ(document["tests"][0]["runs"][0]["breach"], limit["breach"]);
    EXPECT_EQ(document["tests"][0]["runs"][0]["residues"], limit["residues"]);
}

}  // namespace
}  // namespace hexcore
