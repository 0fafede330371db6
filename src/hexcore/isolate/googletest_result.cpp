#include "hexcore/isolate/googletest_result.hpp"

#include <optional>
#include <pugixml.hpp>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/isolate/program_tests.hpp"

namespace hexcore {
namespace {

/// What the report says of the test, and of the set-up of its suite, which has a line of its own.
struct GtestReport {
    bool is_whole = false;
    bool ran = false;
    bool skipped = false;
    double duration_ms = 0;
    std::vector<std::string> failures;
    std::string skip_reason;
    std::optional<std::string> memory;  ///< as RecordProperty() has it
};

/// Location and summary, of which the location is a line of its own.
std::string told_failure(std::string_view message) {
    const std::size_t end = message.find('\n');
    if (end == std::string_view::npos) {
        return one_line(message);
    }
    return one_line(std::string(message.substr(0, end)) + ": " +
                    std::string(message.substr(end + 1)));
}

void read_case(const pugi::xml_node& node, GtestReport& report) {
    if (std::string_view(node.attribute("status").value()) != "run") {
        return;
    }
    report.ran = true;
    report.skipped |= std::string_view(node.attribute("result").value()) == "skipped";
    constexpr double ms_per_s = 1e3;
    report.duration_ms += node.attribute("time").as_double() * ms_per_s;
    for (const pugi::xml_node& failure : node.children("failure")) {
        report.failures.push_back(told_failure(failure.attribute("message").value()));
    }
    if (const pugi::xml_node skip = node.child("skipped")) {
        report.skip_reason = told_failure(skip.attribute("message").value());
    }
    for (const pugi::xml_node& property : node.child("properties").children("property")) {
        if (std::string_view(property.attribute("name").value()) == "hexcore.memory") {
            report.memory = property.attribute("value").value();
        }
    }
}

GtestReport read_report(const std::string& xml) {
    GtestReport report;
    pugi::xml_document document;
    report.is_whole = !xml.empty() && document.load_buffer(xml.data(), xml.size());
    if (report.is_whole) {
        for (const pugi::xml_node& suite : document.child("testsuites").children("testsuite")) {
            for (const pugi::xml_node& node : suite.children("testcase")) {
                read_case(node, report);
            }
        }
    }
    return report;
}

/// A budget that was told only while the test ran.
std::optional<TestJudgement> over_told_budget(const GtestReport& report,
                                              const CageOutcome& outcome) {
    using Kind = TestJudgement::Kind;
    if (!report.memory) {
        return std::nullopt;
    }
    const auto limit = parse_bytes(*report.memory);
    if (!limit) {
        return TestJudgement{.kind = Kind::failed,
                             .reason = "its property hexcore.memory: " + limit.error().message};
    }
    if (outcome.peak <= *limit) {
        return std::nullopt;
    }
    return TestJudgement{
        .kind = Kind::over_budget,
        .reason = fmt::format("it took {} of the {} that its property hexcore.memory allows, which "
                              "is known only after its end",
                              to_string(outcome.peak), to_string(*limit))};
}

TestJudgement judged(const GtestReport& report, const CageOutcome& outcome, bool ended) {
    using Kind = TestJudgement::Kind;
    const bool good_exit = outcome.code == 0;
    if (!report.failures.empty()) {
        const std::size_t more = report.failures.size() - 1;
        return {.kind = Kind::failed,
                .reason = report.failures.front() +
                          (more == 0 ? "" : fmt::format(" (and {} more)", more))};
    }
    if (!report.is_whole && !ended) {
        return {.kind = Kind::crashed,
                .reason = ending_text(outcome) + " in the middle of the test"};
    }
    if (report.is_whole && !report.ran) {
        return {.kind = Kind::not_run,
                .reason = "the program ran no test of this name (" + ending_text(outcome) + ")"};
    }
    if (!good_exit) {
        // Without a report a listener of GoogleTest is missing, and the exit code says it all.
        return {.kind = Kind::failed,
                .reason = ending_text(outcome) +
                          (report.is_whole ? ", though the test itself reported no failure: in the "
                                             "set-up or tear-down of its suite, or at exit"
                                           : "")};
    }
    if (auto over = over_told_budget(report, outcome)) {
        return *std::move(over);
    }
    if (report.skipped) {
        return {.kind = Kind::skipped, .reason = report.skip_reason};
    }
    return {.kind = Kind::passed};
}

}  // namespace

TestJudgement judge_googletest(const CageOutcome& outcome, const std::string& xml, bool ended) {
    const GtestReport report = read_report(xml);
    TestJudgement judgement = judge_ending(outcome, report.is_whole);
    if (judgement.kind == TestJudgement::Kind::passed) {
        judgement = judged(report, outcome, ended);
    }
    judgement.duration_ms = report.duration_ms;
    return judgement;
}

}  // namespace hexcore
