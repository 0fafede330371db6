#include "hexcore/report/test_junit.hpp"

#include <fmt/chrono.h>

#include <filesystem>
#include <map>
#include <pugixml.hpp>
#include <sstream>
#include <vector>

#include "hexcore/base/duration.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/report/output_lines.hpp"
#include "hexcore/report/test_findings.hpp"

namespace hexcore {
namespace {

void set(pugi::xml_node node, const char* attribute, const std::string& value) {
    node.append_attribute(attribute).set_value(value.c_str());
}

void set_text(pugi::xml_node node, const std::string& text) { node.text().set(text.c_str()); }

std::string seconds_text(std::chrono::nanoseconds time) {
    return fmt::format("{:.3f}", in_seconds(time));
}

bool was_interrupted(const TestResult& result) {
    return result.last() != nullptr && result.last()->interrupted;
}

/// What readers of JUnit call a failure is an answer; an error is everything that prevents one.
bool is_error(const TestResult& result) {
    return is_failure(result.verdict) &&
           (result.verdict != TestVerdict::failed || was_interrupted(result));
}

std::string suite_of(const TestCase& test) {
    if (!test.group.empty()) {
        return printable(test.group);
    }
    const std::string program = std::filesystem::path(test.binary).filename().string();
    return program.empty() ? "tests" : printable(program);
}

std::string memory_text(const TestResult& result) {
    const Attempt& last = result.attempts.back();
    std::string text = fmt::format("peak {}", to_string(last.peak));
    if (result.test.budget.memory) {
        text += fmt::format(" of {}", to_string(*result.test.budget.memory));
    }
    for (const DeviceUse& device : last.devices) {
        text += fmt::format(", {} {}", printable(device.device), to_string(device.peak));
    }
    if (result.memory != MemoryVerdict::clean) {
        text += fmt::format(", {} {}", name(result.memory), to_string(result.kept));
    }
    for (const std::string& line : growth_lines(last)) {
        text += "\n" + line;
    }
    if (const std::string line = left_by_line(result); !line.empty()) {
        text += "\n" + line;
    }
    return text;
}

void add_problem(pugi::xml_node testcase, const TestResult& result) {
    pugi::xml_node node = testcase.append_child(is_error(result) ? "error" : "failure");
    set(node, "message", printable(result.reason));
    set(node, "type", was_interrupted(result) ? "interrupted" : name(result.verdict));
    const Attempt* last = result.last();
    const std::string stack = last == nullptr ? "" : whole_stack(last->stack);
    if (const std::string details =
            output_lines(result.reason) + (stack.empty() ? "" : "\n") + stack;
        !details.empty()) {
        set_text(node, details);
    }
}

/// Attempts before the one that counts.
void add_earlier(pugi::xml_node testcase, const TestResult& result) {
    const bool passed_later = !is_failure(result.verdict);
    for (std::size_t index = 0; index + 1 < result.attempts.size(); ++index) {
        const Attempt& attempt = result.attempts[index];
        pugi::xml_node node = testcase.append_child(passed_later ? "flakyFailure" : "rerunFailure");
        set(node, "message", printable(attempt.reason));
        set(node, "type", attempt.for_memory ? "memory_short" : name(attempt.verdict));
        set_text(node.append_child("stackTrace"), printable(attempt.reason));
        set_text(node.append_child("system-out"), output_lines(attempt.output));
    }
}

void add_test(pugi::xml_node suite, const TestResult& result, const std::string& suite_name) {
    const Attempt* last = result.last();
    pugi::xml_node testcase = suite.append_child("testcase");
    set(testcase, "name", printable(result.test.id));
    set(testcase, "classname", suite_name);
    set(testcase, "time",
        seconds_text(last == nullptr ? std::chrono::nanoseconds{} : last->duration));
    if (result.verdict == TestVerdict::skipped) {
        set(testcase.append_child("skipped"), "message", printable(result.reason));
    } else if (is_failure(result.verdict)) {
        add_problem(testcase, result);
    }
    add_earlier(testcase, result);
    if (last != nullptr && last->verdict != TestVerdict::passed && !last->output.empty()) {
        set_text(testcase.append_child("system-out"), output_lines(last->output));
    }
    if (last != nullptr) {
        set_text(testcase.append_child("system-err"), memory_text(result));
    }
}

struct Counts {
    std::size_t tests = 0;
    std::size_t failures = 0;
    std::size_t errors = 0;
    std::size_t skipped = 0;
    std::chrono::nanoseconds time{};

    void add(const TestResult& result) {
        tests += 1;
        errors += is_error(result) ? 1 : 0;
        failures += is_failure(result.verdict) && !is_error(result) ? 1 : 0;
        skipped += result.verdict == TestVerdict::skipped ? 1 : 0;
        time +=
            result.attempts.empty() ? std::chrono::nanoseconds{} : result.attempts.back().duration;
    }
};

void set_counts(pugi::xml_node node, const Counts& counts) {
    set(node, "tests", std::to_string(counts.tests));
    set(node, "failures", std::to_string(counts.failures));
    set(node, "errors", std::to_string(counts.errors));
}

}  // namespace

std::string test_junit(const TestRun& run) {
    std::map<std::string, std::vector<const TestResult*>> suites;
    Counts all;
    for (const TestResult& result : run.results) {
        suites[suite_of(result.test)].push_back(&result);
        all.add(result);
    }
    pugi::xml_document document;
    pugi::xml_node declaration = document.append_child(pugi::node_declaration);
    set(declaration, "version", "1.0");
    set(declaration, "encoding", "UTF-8");
    pugi::xml_node root = document.append_child("testsuites");
    set(root, "name", "hexcore");
    set_counts(root, all);
    set(root, "time", seconds_text(run.duration));
    const std::string started =
        fmt::format("{:%FT%T}", fmt::gmtime(std::chrono::system_clock::to_time_t(run.started)));
    for (const auto& [suite_name, results] : suites) {
        Counts counts;
        for (const TestResult* result : results) {
            counts.add(*result);
        }
        pugi::xml_node suite = root.append_child("testsuite");
        set(suite, "name", suite_name);
        set_counts(suite, counts);
        set(suite, "skipped", std::to_string(counts.skipped));
        set(suite, "time", seconds_text(counts.time));
        set(suite, "timestamp", started);
        for (const TestResult* result : results) {
            add_test(suite, *result, suite_name);
        }
    }
    std::ostringstream text;
    document.save(text, "  ");
    return text.str();
}

}  // namespace hexcore
