#include "hexcore/report/test_status.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "hexcore/base/duration.hpp"
#include "hexcore/device/device_entry.hpp"
#include "hexcore/device/device_limit.hpp"
#include "hexcore/isolate/attempt_verdict.hpp"
#include "hexcore/report/cage_report.hpp"
#include "hexcore/report/fitted_text.hpp"
#include "hexcore/report/memory_bar.hpp"
#include "hexcore/report/test_findings.hpp"

namespace hexcore {
namespace {

constexpr std::size_t word_columns = 9;
constexpr std::string_view below_name = "            ";

std::string test_seconds(double seconds) {
    return seconds < 1000 ? fmt::format("{:.{}f} s", seconds, seconds < 10 ? 3 : 1)
                          : long_duration_text(seconds);
}

const char* verdict_escape(TestVerdict verdict) {
    if (is_failure(verdict)) {
        return "\x1b[1;31m";
    }
    return verdict == TestVerdict::passed ? "\x1b[1;32m" : "\x1b[1;33m";
}

std::string painted_word(const std::string& word, const char* escape, const TextStyle& style) {
    const std::string placed = fmt::format("{:>{}}", word, word_columns);
    return style.color == Color::ansi ? fmt::format("{}{}\x1b[0m", escape, placed) : placed;
}

std::string of_budget(Bytes peak, const std::optional<Bytes>& budget) {
    return budget ? fmt::format("{:>9} of {}", to_string(peak), to_string(*budget))
                  : fmt::format("{:>9}", to_string(peak));
}

std::string figures(const TestCase& test, const Attempt& attempt) {
    std::string text = fmt::format("[{:>8} {}", test_seconds(in_seconds(attempt.duration)),
                                   of_budget(attempt.peak, test.budget.memory));
    for (const DeviceUse& device : attempt.devices) {
        text += fmt::format("  {} {}", printable(device.device),
                            of_budget(device.peak, limit_of(test.budget.devices, device.device)));
    }
    return text + "]";
}

/// `, cuda:0 3.00 GiB` for each device of which something is held.
std::string held_text(const std::vector<DeviceHeld>& devices, std::string_view before) {
    std::string text;
    for (const DeviceHeld& device : devices) {
        if (device.held > Bytes{}) {
            text +=
                fmt::format("{}{} {}", before, printable(device.device), to_string(device.held));
        }
    }
    return text;
}

/// Of all that runs together.
std::vector<DeviceHeld> held_devices(const std::vector<RunningTest>& running) {
    std::vector<DeviceHeld> sum;
    for (const RunningTest& test : running) {
        for (const DeviceHeld& device : test.devices) {
            entry_of(sum, device.device).held += device.held;
        }
    }
    return sum;
}

std::string running_figures(const RunningTest& test) {
    return fmt::format("[{:>8} {:>9}{}]", test_seconds(in_seconds(test.since)),
                       to_string(test.held), held_text(test.devices, "  "));
}

std::string reason_lines(std::string_view reason, const TextStyle& style) {
    constexpr std::size_t longest_reason = 600;
    return reason.empty()
               ? ""
               : hanging_paragraph(below_name, shortened(reason, longest_reason), style.columns);
}

std::string memory_words(const TestResult& result) {
    switch (result.memory) {
        case MemoryVerdict::clean:
            return "";
        case MemoryVerdict::kept:
            return fmt::format("  KEPT +{}", to_string(result.kept));
        case MemoryVerdict::leak:
            return "  LEAK";
        case MemoryVerdict::unattributable:
            return "  LEFT, by whom is not known";
        case MemoryVerdict::residue:
            return "  RESIDUE";
    }
    return "";
}

std::string residue_lines(const TestResult& result, const TextStyle& style) {
    constexpr std::size_t named = 3;
    if (result.attempts.empty()) {
        return "";
    }
    const TestsOfProcess* tests = result.left_by_one_of();
    const bool is_said = tests != nullptr && result.reason.starts_with(one_of(*tests));
    return (is_said ? "" : reason_lines(left_by_line(result), style)) +
           reason_lines(residue_text(result.attempts.back().residues, named), style);
}

std::string finding_lines(const Attempt& last, const TextStyle& style) {
    std::string text;
    for (const std::string& line : crash_lines(last.stack)) {
        text += reason_lines(line, style);
    }
    for (const std::string& line : growth_lines(last)) {
        text += reason_lines(line, style);
    }
    return text;
}

}  // namespace

std::string verdict_word(TestVerdict verdict, const Attempt* last) {
    if (last != nullptr && last->interrupted) {
        return "INTERRUPT";
    }
    switch (verdict) {
        case TestVerdict::passed:
            return "PASS";
        case TestVerdict::failed:
            return "FAIL";
        case TestVerdict::crashed:
            return last != nullptr && last->signal ? signal_text(*last->signal) : "CRASH";
        case TestVerdict::timed_out:
            return "TIMEOUT";
        case TestVerdict::over_budget:
            return "OVER";
        case TestVerdict::skipped:
            return "SKIP";
        case TestVerdict::postponed:
            return "POSTPONED";
        case TestVerdict::flaky:
        case TestVerdict::flaky_memory:
            return "FLAKY";
    }
    return "";
}

std::string run_heading(const TestRun& run, std::size_t selected, std::size_t known,
                        const TextStyle& style) {
    std::string text =
        fmt::format("{}; {} and {} free; {} at once", plural(selected, "test"),
                    to_string(run.machine.free), plural(run.machine.cores, "core"), run.slots);
    for (const TestMachine::Device& device : run.machine.devices) {
        text += fmt::format("; {} {} free", device.name, to_string(device.free));
    }
    if (run.deselected > 0) {
        text += fmt::format("; {} not selected", run.deselected);
    }
    if (known == 0) {
        text += "; measuring as they run (first time here)";
    } else if (known < selected) {
        text += fmt::format("; sizes of {} are known", known);
    }
    return hanging_paragraph("hexcore: ", text, style.columns);
}

std::string test_line(const TestResult& result, const TextStyle& style) {
    const Attempt* last = result.last();
    std::string text =
        painted_word(verdict_word(result.verdict, last), verdict_escape(result.verdict), style);
    text += ' ';
    text += last == nullptr ? "[       -         -]" : figures(result.test, *last);
    text += fmt::format(" {}{}\n", printable(result.test.id), memory_words(result));
    if (result.verdict == TestVerdict::flaky_memory) {
        text += reason_lines("passed alone, after memory was short beside others", style);
    } else if (result.verdict == TestVerdict::flaky) {
        text += reason_lines(fmt::format("passed in try {}", result.attempts.size()), style);
    } else if (result.verdict != TestVerdict::passed) {
        text += reason_lines(result.reason, style);
    }
    if (last != nullptr) {
        text += finding_lines(*last, style);
    }
    return text + residue_lines(result, style);
}

std::string attempt_line(const TestCase& test, const Attempt& attempt, const std::string& why,
                         const TextStyle& style) {
    const std::string word =
        attempt.for_memory ? "KILLED" : verdict_word(attempt.verdict, &attempt);
    std::string text = fmt::format("{} {} {}\n", painted_word(word, "\x1b[1;33m", style),
                                   figures(test, attempt), printable(test.id));
    return text + reason_lines(attempt.reason.empty() ? why : attempt.reason + ": " + why, style);
}

std::string slow_line(const RunningTest& test, const TextStyle& style) {
    return painted_word("SLOW", "\x1b[1;33m", style) +
           fmt::format(" {} {}\n", running_figures(test), printable(test.id));
}

std::string running_lines(const RunProgress& progress, const TextStyle& style) {
    std::string text = fmt::format(
        "{} of {} done, {} failed; {} running, with {}{}; {} left\n", progress.done, progress.total,
        progress.failed, progress.running.size(), to_string(progress.held),
        held_text(held_devices(progress.running), ", "), to_string(progress.free));
    for (const RunningTest& test : progress.running) {
        std::string pids;
        for (const std::uint32_t pid : test.processes) {
            pids += fmt::format("{}{}", pids.empty() ? " pid " : ", ", pid);
        }
        text += fmt::format("{:>{}} {} {}{}\n", "runs", word_columns, running_figures(test),
                            test.id.empty() ? "(between tests)" : printable(test.id), pids);
    }
    if (progress.waiting_for_memory > 0) {
        text += reason_lines(
            fmt::format("{} for memory", progress.waiting_for_memory == 1
                                             ? "one waits"
                                             : fmt::format("{} wait", progress.waiting_for_memory)),
            style);
    }
    return text;
}

std::string progress_line(const RunProgress& progress, const TextStyle& style) {
    const double fraction = progress.total == 0 ? 1
                                                : static_cast<double>(progress.done) /
                                                      static_cast<double>(progress.total);
    std::string text = fmt::format("{}/{}", progress.done, progress.total);
    if (progress.failed > 0) {
        text += fmt::format(" {} failed", progress.failed);
    }
    text += fmt::format("  {} running, {}{}", progress.running.size(), to_string(progress.held),
                        held_text(held_devices(progress.running), ", "));
    constexpr std::size_t bar_columns = 20;
    std::string line =
        text_columns(text) + bar_columns + 1 <= style.columns
            ? fmt::format("{} {}", fraction_bar(fraction, bar_columns, style.charset), text)
            : text;
    for (const RunningTest& test : progress.running) {
        const std::size_t used = terminal_columns(line);
        const std::string name = fmt::format("  {}", printable(test.id));
        if (used + terminal_columns(name) <= style.columns) {
            line += name;
        }
    }
    return terminal_columns(line) <= style.columns ? line : fitted(line, style.columns);
}

}  // namespace hexcore
