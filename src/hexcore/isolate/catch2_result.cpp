#include "hexcore/isolate/catch2_result.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "hexcore/isolate/program_tests.hpp"

namespace hexcore {
namespace {

enum class CatchEnd { missing, nothing_ran, passed, failed };

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

/// `test cases: 3 | 1 passed | 2 failed | 1 failed as expected`: a column that is just "failed".
bool counts_failures(std::string_view line) {
    while (!line.empty()) {
        const std::size_t bar = std::min(line.find('|'), line.size());
        std::string_view column = line.substr(0, bar);
        column = column.substr(0, column.find_last_not_of(' ') + 1);
        if (column.ends_with(" failed")) {
            return true;
        }
        line.remove_prefix(std::min(bar + 1, line.size()));
    }
    return false;
}

/// By the last of its lines that says so: a test's own words may look like it.
CatchEnd end_of(const std::vector<std::string_view>& lines) {
    for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
        if (line->starts_with("All tests passed (")) {
            return CatchEnd::passed;
        }
        if (line->starts_with("No tests ran")) {
            return CatchEnd::nothing_ran;
        }
        if (line->starts_with("test cases: ")) {
            return counts_failures(*line) ? CatchEnd::failed : CatchEnd::passed;
        }
    }
    return CatchEnd::missing;
}

/// The first place whose line ends with `mark` ("FAILED:"), and what is said there.
std::string first_place(const std::vector<std::string_view>& lines, std::string_view mark) {
    const auto first =
        std::ranges::find_if(lines, [mark](std::string_view line) { return line.ends_with(mark); });
    if (first == lines.end()) {
        return {};
    }
    std::string told(first->substr(0, first->size() - mark.size()));
    for (auto line = first + 1; line != lines.end() && !line->empty(); ++line) {
        told += '\n';
        told += *line;
    }
    return one_line(told);
}

}  // namespace

TestJudgement judge_catch2(const TestCase& test, const CageOutcome& outcome,
                           const std::string& report) {
    using Kind = TestJudgement::Kind;
    constexpr int all_skipped = 4;  // of version 3
    const std::vector<std::string_view> lines = lines_of(report);
    const CatchEnd end = end_of(lines);
    // Its own handler of signals ends the report as well, and then lets the signal do its work.
    const bool in_the_test = report.find("a fatal error condition") != std::string::npos;
    TestJudgement judgement = judge_ending(outcome, end != CatchEnd::missing && !in_the_test);
    judgement.output = report;
    if (judgement.kind != Kind::passed) {
        return judgement;
    }
    if (end == CatchEnd::missing) {
        judgement.kind = Kind::crashed;
        judgement.reason = ending_text(outcome) + " in the middle of the test";
    } else if (end == CatchEnd::nothing_ran) {
        judgement.kind = Kind::not_run;
        judgement.reason = "the program ran no test of this name (" + ending_text(outcome) + ")";
    } else if (end == CatchEnd::failed || (outcome.code != 0 && outcome.code != all_skipped)) {
        judgement.kind = Kind::failed;
        judgement.reason = first_place(lines, "FAILED:");
        if (judgement.reason.empty()) {
            const bool was_to_fail = std::ranges::find(test.tags, "!shouldfail") != test.tags.end();
            judgement.reason =
                end == CatchEnd::failed && was_to_fail
                    ? "it was to fail ([!shouldfail]) and did not"
                    : ending_text(outcome) + ", though no failure was reported: at exit";
        }
    } else if (outcome.code == all_skipped) {
        judgement.kind = Kind::skipped;
        judgement.reason = first_place(lines, "SKIPPED:");
    } else {
        judgement.output.clear();
    }
    return judgement;
}

}  // namespace hexcore
