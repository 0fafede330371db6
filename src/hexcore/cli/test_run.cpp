#include "hexcore/cli/test_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "hexcore/cage/stray_processes.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/cli/test_reports.hpp"
#include "hexcore/cli/test_requests.hpp"
#include "hexcore/cli/test_shown.hpp"
#include "hexcore/device/host_memory.hpp"
#include "hexcore/isolate/ask_program.hpp"
#include "hexcore/isolate/crash_look.hpp"
#include "hexcore/isolate/propose_budgets.hpp"
#include "hexcore/isolate/runner.hpp"
#include "hexcore/isolate/temporary_folder.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/report/cage_report.hpp"
#include "hexcore/report/test_json.hpp"
#include "hexcore/report/test_summary.hpp"

namespace hexcore {
namespace {

/// The tests of a command, and what earlier runs know of them.
struct Listed {
    std::unique_ptr<TestSuite> suite;
    std::vector<TestCase> tests;
    std::size_t all = 0;                   ///< of the command, meant or not
    std::unique_ptr<TestHistory> history;  ///< null: it cannot be had
    std::string history_key;
    TestHistory::Runs runs;
    std::vector<std::string> notes;
};

/// Ctrl-C ends it.
Result<Listed> list_tests(const std::vector<std::string>& command) {
    const Interrupt interrupt([](const std::atomic<bool>*) {});
    Listed listed;
    HEXCORE_TRY(suite, recognise(command, interrupt.flag()));
    listed.suite = std::move(suite);
    HEXCORE_TRY(tests, listed.suite->list(interrupt.flag()));
    if (interrupt.happened()) {
        return fail(ErrorCode::interrupted, "interrupted before a test ran");
    }
    listed.tests = std::move(tests);
    listed.notes = listed.suite->notes();
    listed.all = listed.tests.size();
    return listed;
}

/// Empty where it was none.
std::string damage_text(TestHistory& history) {
    const std::filesystem::path copy = history.take_set_aside();
    return copy.empty() ? ""
                        : fmt::format(
                              "the history of tests was damaged, and begins anew; what it "
                              "was is in {}",
                              copy.string());
}

/// Without a history tests run all the same.
void open_history(Listed& listed, const std::vector<std::string>& command,
                  const TestMachine& machine) {
    const std::filesystem::path file = TestHistory::default_file();
    if (file.empty()) {
        return;
    }
    auto history = TestHistory::open(file);
    if (!history) {
        listed.notes.push_back(history.error().message + ", so sizes are not kept");
        return;
    }
    listed.history_key = history_key(listed.suite->framework(), command, machine.devices);
    auto runs = (*history)->runs(listed.history_key);
    if (std::string text = damage_text(**history); !text.empty()) {
        listed.notes.push_back(std::move(text));
    }
    if (!runs) {
        listed.notes.push_back(runs.error().message + ", so sizes are not kept");
        return;
    }
    listed.runs = *std::move(runs);
    listed.history = *std::move(history);
}

std::string list_text(const std::vector<TestCase>& tests) {
    std::string text;
    for (const TestCase& test : tests) {
        text += printable(test.id) + (test.disabled.empty() ? "" : "  (disabled)") + '\n';
    }
    return text;
}

int exit_code(const TestRun& run) {
    if (run.interrupted) {
        return static_cast<int>(ErrorCode::interrupted);
    }
    const bool failed = run.not_run > 0 || std::any_of(run.results.begin(), run.results.end(),
                                                       [](const TestResult& result) {
                                                           return is_failure(result.verdict);
                                                       });
    return failed ? static_cast<int>(ErrorCode::negative) : 0;
}

Error nothing_selected(const Listed& listed) {
    return {ErrorCode::negative,
            listed.all == 0
                ? "there is no test in what was given, which is a failure"
                : fmt::format("none of {} is meant, which is a failure; see which there are with "
                              "hexcore test --list",
                              plural(listed.all, "test"))};
}

/// All in one process, as far as the framework can.
Result<void> put_together(Listed& listed, const TestFlags& flags) {
    const Framework framework = listed.suite->framework();
    if (framework == Framework::ctest) {
        return fail(ErrorCode::usage,
                    "--together: tests of CTest are programs, which share no process; give a "
                    "program with GoogleTest or Catch2, or pytest, instead of ctest");
    }
    if (framework != Framework::pytest && !flags.shuffle.empty()) {
        return fail(ErrorCode::usage,
                    "--together and --shuffle: in one process a program's tests run in the order "
                    "in which it has them; leave out one of the two");
    }
    if (framework != Framework::pytest && flags.repeats > 1) {
        return fail(ErrorCode::usage,
                    "--together and --repeat: one looks at all tests of a process and the other at "
                    "one; leave out one of the two");
    }
    for (TestCase& test : listed.tests) {
        test.group = "together";
        test.isolated = false;
    }
    return {};
}

/// Whether each test can run several times in its process.
Result<void> prove_repeatable(Framework framework) {
    if (framework == Framework::catch2) {
        return fail(ErrorCode::usage,
                    "--repeat: Catch2 runs a test once in a process; for leaks see what --together "
                    "says of all its tests, or write the repeats with expect_neutral() of "
                    "hexcore/tracker.hpp");
    }
    if (framework == Framework::ctest) {
        return fail(ErrorCode::usage,
                    "--repeat: a test of CTest is a program, whose memory ends with it; give a "
                    "program with GoogleTest, or pytest, instead of ctest");
    }
    return {};
}

/// As --together and --repeat ask for.
Result<void> share_processes(Listed& listed, const TestFlags& flags) {
    if (flags.together) {
        HEXCORE_TRY_VOID(put_together(listed, flags));
    }
    return flags.repeats > 1 ? prove_repeatable(listed.suite->framework()) : Result<void>();
}

int propose(const Listed& listed) {
    const std::string rules = proposed_budgets(listed.tests, listed.runs);
    if (rules.empty()) {
        complain(
            "no budget is worth proposing: tests that have run here took less than 64 MiB, or have "
            "one; run them first");
        return static_cast<int>(ErrorCode::negative);
    }
    print(rules);
    return 0;
}

RoomOptions room_options(const TestSettings& settings) {
    RoomOptions options{.at_most = settings.memory};
    if (settings.reserve) {
        options.reserve = *settings.reserve;
    } else if (const auto host = probe_host_memory()) {
        options.reserve = std::min(1_GiB, Bytes(host->total.count() / 16));
    }
    return options;
}

TestRunOptions run_options(const TestFlags& flags, const TestSettings& settings,
                           const TestMachine& machine, const std::filesystem::path& scratch) {
    TestRunOptions options;
    options.slots = settings.slots.value_or(machine.cores);
    options.timeout = settings.timeout;
    options.grace = settings.grace;
    options.patience = settings.wait;
    options.processes = flags.processes;
    options.fail_fast = settings.fail_fast;
    options.as_given = settings.selection.shuffle.has_value();
    options.book = {.retries = settings.retries,
                    .allow_skip = settings.allow_skip,
                    .learns = flags.repeats < 2 && !flags.together,
                    .fail_on = settings.fail_on};
    options.scratch = scratch;
    options.repeats = flags.repeats;
    options.judges_processes = flags.together;
    options.tracer = flags.no_stacks ? std::filesystem::path() : find_tracer();
    return options;
}

/// Null, with a note, where there can be none: tests run all the same.
std::unique_ptr<RunClaims> open_claims(const TestSettings& settings,
                                       const std::vector<std::string>& command, std::string& note) {
    auto claims = RunClaims::open(
        {.name = "hexcore test -- " + shown_command(command), .shares_cores = !settings.slots});
    if (!claims) {
        note =
            claims.error().message + ", so other runs do not know what this one is going to take";
        return nullptr;
    }
    // What tests reserve is a part of it. The pytest that collects them is the one that runs them.
    ::setenv("HEXCORE_RESERVATION", (*claims)->id().c_str(), 1);
    return *std::move(claims);
}

/// While tests run nobody waits long for others who write; what is not kept is kept later.
Result<void> keep_news(Listed& listed, RunBook& book, std::chrono::milliseconds patience) {
    if (listed.history == nullptr || book.news().empty()) {
        return {};
    }
    HEXCORE_TRY_VOID(listed.history->add(listed.history_key, book.news(), patience));
    book.forget_news();
    return {};
}

void keep_history(Listed& listed, RunBook& book, TestShown& shown) {
    using namespace std::chrono_literals;
    if (const auto kept = keep_news(listed, book, 10s); !kept) {
        shown.says(kept.error().message);
    }
    const std::string damage = listed.history == nullptr ? "" : damage_text(*listed.history);
    if (!damage.empty()) {
        shown.says(damage);
    }
}

}  // namespace

Result<int> run_test_command(const TestFlags& flags, const TestSettings& settings,
                             const std::vector<std::string>& command) {
    std::string no_claims;
    const bool runs = !flags.list && !flags.propose;
    const auto claims = runs ? open_claims(settings, command, no_claims) : nullptr;
    HEXCORE_TRY(reports, TestReports::open(flags));
    HEXCORE_TRY(listed, list_tests(command));
    TestRequests requests;
    HEXCORE_TRY(room, room_of_machine(room_options(settings)));
    open_history(listed, command, room->machine());
    settings.config.apply(listed.tests);
    HEXCORE_TRY_VOID(share_processes(listed, flags));
    HEXCORE_TRY(selected, select_tests(std::move(listed.tests), settings.selection, listed.runs));
    listed.tests = std::move(selected);
    if (listed.tests.empty()) {
        return report_error(nothing_selected(listed));
    }
    if (flags.list) {
        print(list_text(listed.tests));
        return 0;
    }
    if (flags.propose) {
        return propose(listed);
    }
    remove_abandoned_folders("list");
    remove_abandoned_folders("test");
    HEXCORE_TRY(scratch, TemporaryFolder::make("test"));
    HEXCORE_TRY(yard, CageYard::open({}));
    TestRun run;
    run.framework = listed.suite->framework();
    run.command = command;
    run.machine = room->machine();
    run.guards = yard->guards();
    run.deselected = static_cast<std::uint32_t>(listed.all - listed.tests.size());
    run.notes = listed.notes;
    if (!no_claims.empty()) {
        run.notes.push_back(no_claims);
    }
    if (settings.selection.shuffle) {
        run.notes.push_back(
            fmt::format("this order again: --shuffle {}", *settings.selection.shuffle));
    }
    const TestRunOptions options = run_options(flags, settings, run.machine, scratch.path());
    if (claims != nullptr) {
        claims->look_at(*room, options.slots);
    }
    const auto known = static_cast<std::size_t>(
        std::count_if(listed.tests.begin(), listed.tests.end(), [&](const TestCase& test) {
            return test.budget.memory || listed.runs.count(test.id) > 0;
        }));
    TestShown shown(flags.format == "json", known);
    RunBook book(run, listed.tests, options.book, shown);
    const auto keep = [&] { (void)keep_news(listed, book, std::chrono::milliseconds(20)); };
    run_tests(run, book, listed.runs, options,
              {*listed.suite, *yard, *room, shown, requests, keep, claims.get()});
    keep_history(listed, book, shown);
    // What the collection, or a program while it lists its tests, has started runs in no cage.
    yard.reset();
    if (const std::string left = residue_text(end_descendants()); !left.empty()) {
        shown.says(fmt::format("what lists the tests {}", left));
    }
    shown.lines(failures_text(run, shown.style()) +
                run_summary(run, known == 0 && listed.history != nullptr && options.book.learns,
                            shown.style()));
    if (flags.format == "json") {
        print(test_json(run));
    }
    HEXCORE_TRY_VOID(reports.write(run));
    return exit_code(run);
}

}  // namespace hexcore
