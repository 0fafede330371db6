#include "hexcore/report/test_summary.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/cage_report.hpp"
#include "hexcore/report/output_lines.hpp"
#include "hexcore/report/test_status.hpp"

namespace hexcore {
namespace {

constexpr std::size_t first_lines = 60;
constexpr std::size_t last_lines = 240;

std::string rule(const TextStyle& style) {
    return fmt::format("{:-<{}}\n", "", std::min<std::size_t>(style.columns, 80));
}

/// The first and the last lines, and how many are missing between.
std::string without_middle(const std::string& lines) {
    std::vector<std::size_t> starts{0};
    for (std::size_t at = lines.find('\n'); at != std::string::npos && at + 1 < lines.size();
         at = lines.find('\n', at + 1)) {
        starts.push_back(at + 1);
    }
    if (starts.size() <= first_lines + last_lines) {
        return lines;
    }
    const std::size_t left_out = starts.size() - first_lines - last_lines;
    return fmt::format("{}[{} left out]\n{}", lines.substr(0, starts[first_lines]),
                       plural(left_out, "line"), lines.substr(starts[starts.size() - last_lines]));
}

std::string one_failure(const TestResult& result, const TextStyle& style) {
    std::string text = rule(style) + test_line(result, style);
    const Attempt* last = result.last();
    if (last == nullptr) {
        return text;
    }
    std::string output = without_middle(output_lines(last->output));
    if (!output.empty() && output.back() != '\n') {
        output += '\n';
    }
    return text + output;
}

std::string named(const std::vector<std::pair<std::string, Bytes>>& tests, std::string_view sign) {
    std::string text;
    constexpr std::size_t most = 3;
    for (std::size_t index = 0; index < tests.size() && index < most; ++index) {
        text += fmt::format("{}{} {}{}", index == 0 ? "" : ", ", tests[index].first, sign,
                            to_string(tests[index].second));
    }
    if (tests.size() > most) {
        text += fmt::format(" and {} more", tests.size() - most);
    }
    return text;
}

void sort_by_size(std::vector<std::pair<std::string, Bytes>>& tests) {
    std::stable_sort(tests.begin(), tests.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
}

std::string short_id(const std::string& id) {
    constexpr std::size_t longest = 80;
    return shortened(id, longest);
}

/// The test, or those of its process where it may have been another of them.
std::string whose(const TestResult& result) {
    const TestsOfProcess* tests = result.left_by_one_of();
    return tests == nullptr || result.memory != MemoryVerdict::unattributable
               ? short_id(result.test.id)
               : fmt::format("{} to {} ({} tests)", short_id(tests->first), short_id(tests->last),
                             tests->count);
}

template <typename Is>
std::string kept_text(const TestRun& run, Is&& is_meant) {
    std::vector<std::pair<std::string, Bytes>> tests;
    for (const TestResult& result : run.results) {
        if (is_meant(result)) {
            tests.emplace_back(whose(result), result.kept);
        }
    }
    sort_by_size(tests);
    return named(tests, "+");
}

bool left_something(const TestResult& result, bool stays) {
    return result.memory == MemoryVerdict::residue &&
           stays == std::any_of(result.attempts.begin(), result.attempts.end(),
                                [](const Attempt& one) { return anything_stays(one.residues); });
}

std::string heaviest_text(const TestRun& run) {
    std::vector<std::pair<std::string, Bytes>> tests;
    for (const TestResult& result : run.results) {
        Bytes peak;
        for (const Attempt& attempt : result.attempts) {
            peak = std::max(peak, attempt.peak);
        }
        tests.emplace_back(short_id(result.test.id), peak);
    }
    sort_by_size(tests);
    tests.resize(std::min<std::size_t>(tests.size(), 3));
    return named(tests, "");
}

const char* memory_guard_text(MemoryGuard guard) {
    switch (guard) {
        case MemoryGuard::cgroup_v2:
            return "budgets by control groups (v2)";
        case MemoryGuard::cgroup_v1:
            return "budgets by control groups (v1)";
        case MemoryGuard::polling:
            return "budgets by looking again and again, so that a test can get past one for some "
                   "milliseconds";
    }
    return "";
}

std::string guards_text(const TestRun& run) {
    std::string text = memory_guard_text(run.guards.memory);
    text += run.guards.kill == KillGuard::cgroup_kill ? "; what a test leaves is ended by its group"
                                                      : "; what a test leaves is looked for and "
                                                        "ended";
    if (!run.guards.limits_processes) {
        text += "; the number of processes is not limited";
    }
    if (!run.machine.devices.empty()) {
        text += run.machine.tells_device_holders
                    ? "; GPUs are looked at every 100 ms, and a test over its budget is ended then"
                    : "; whose memory of GPUs it is, the driver does not say here, so their "
                      "budgets are not kept";
    }
    return text;
}

/// Of tests that ran several times; empty: it is known of all.
std::string unknown_leaks_text(const TestRun& run) {
    const auto is_unknown = [](const TestResult& result) {
        return result.last() != nullptr &&
               std::ranges::any_of(result.last()->growth, [](const DeviceGrowth& growth) {
                   return growth.judgement.verdict == Verdict::inconclusive;
               });
    };
    const auto count = std::ranges::count_if(run.results, is_unknown);
    return count == 0 ? ""
                      : fmt::format("{} {}; more repeats tell, or watch_memory() in the program",
                                    count, count == 1 ? "test" : "tests");
}

}  // namespace

std::string counts_text(const TestRun& run) {
    std::map<TestVerdict, std::size_t> counts;
    std::size_t interrupted = 0;
    for (const TestResult& result : run.results) {
        const bool is_interrupted = result.last() != nullptr && result.last()->interrupted;
        interrupted += is_interrupted ? 1 : 0;
        counts[result.verdict] += is_interrupted ? 0 : 1;
    }
    const std::size_t flaky = counts[TestVerdict::flaky] + counts[TestVerdict::flaky_memory];
    std::string text = fmt::format(
        "{} run: {} passed",
        run.results.size() - counts[TestVerdict::skipped] - counts[TestVerdict::postponed],
        counts[TestVerdict::passed] + flaky);
    if (flaky > 0) {
        text += fmt::format(" ({} flaky)", flaky);
    }
    for (const auto& [verdict, words] :
         {std::pair{TestVerdict::failed, "failed"}, std::pair{TestVerdict::crashed, "crashed"},
          std::pair{TestVerdict::timed_out, "timed out"},
          std::pair{TestVerdict::over_budget, "over budget"},
          std::pair{TestVerdict::postponed, "postponed"},
          std::pair{TestVerdict::skipped, "skipped"}}) {
        if (counts[verdict] > 0) {
            text += fmt::format(", {} {}", counts[verdict], words);
        }
    }
    if (interrupted > 0) {
        text += fmt::format(", {} interrupted", interrupted);
    }
    return text;
}

std::string failures_text(const TestRun& run, const TextStyle& style) {
    std::string text;
    for (const TestResult& result : run.results) {
        if (is_failure(result.verdict)) {
            text += one_failure(result, style);
        }
    }
    return text.empty() ? text : text + rule(style);
}

std::string run_summary(const TestRun& run, bool sizes_are_kept, const TextStyle& style) {
    std::string text = fmt::format("{}; {}; most at once {} of {}", counts_text(run),
                                   long_duration_text(in_seconds(run.duration)),
                                   to_string(run.most_at_once), to_string(run.machine.free));
    std::string lines = hanging_paragraph(" ", text, style.columns);
    const auto add = [&](std::string_view lead, const std::string& words) {
        if (!words.empty()) {
            lines += hanging_paragraph(fmt::format(" {}", lead), words, style.columns);
        }
    };
    add("heaviest: ", heaviest_text(run));
    add("kept memory after their end: ", kept_text(run, [](const TestResult& result) {
            return result.memory == MemoryVerdict::kept;
        }));
    add("leaked over their repeats: ", kept_text(run, [](const TestResult& result) {
            return result.memory == MemoryVerdict::leak;
        }));
    add("whether they leak is not known: ", unknown_leaks_text(run));
    add("left by one of several tests of a process: ", kept_text(run, [](const TestResult& result) {
            return result.memory == MemoryVerdict::unattributable;
        }));
    add("left something behind, which was removed: ",
        kept_text(run, [](const TestResult& result) { return left_something(result, false); }));
    add("left something behind that stays: ",
        kept_text(run, [](const TestResult& result) { return left_something(result, true); }));
    add("guards here: ", guards_text(run));
    for (const std::string& note : run.notes) {
        add("", note);
    }
    if (sizes_are_kept) {
        add("next time: ", "sizes are known, so heavy tests no longer meet");
    }
    return lines;
}

}  // namespace hexcore
