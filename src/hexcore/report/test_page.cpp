#include "hexcore/report/test_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "hexcore/base/duration.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/report/cage_json.hpp"
#include "hexcore/report/output_lines.hpp"
#include "hexcore/report/page_data.hpp"
#include "hexcore/report/test_page_outputs.hpp"
#include "hexcore/report/test_page_rows.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_tests = 20'000;  ///< of those that did not fail
constexpr std::size_t most_groups = 500;
// What all tests share.
constexpr std::size_t curve_points = 120'000;
constexpr std::size_t reason_bytes = 400'000;
constexpr std::size_t page_bytes = 2'700'000;
constexpr std::size_t output_bytes_least = 300'000;

constexpr std::array verdicts = {
    TestVerdict::passed,    TestVerdict::failed,      TestVerdict::crashed,
    TestVerdict::timed_out, TestVerdict::over_budget, TestVerdict::skipped,
    TestVerdict::postponed, TestVerdict::flaky,       TestVerdict::flaky_memory};
constexpr std::array memory_verdicts = {MemoryVerdict::clean, MemoryVerdict::kept,
                                        MemoryVerdict::leak, MemoryVerdict::residue,
                                        MemoryVerdict::unattributable};

/// How much one of so many may have of what all share.
std::size_t share_of(std::size_t all, std::size_t count, std::size_t least, std::size_t most) {
    return std::clamp(all / std::max<std::size_t>(count, 1), least, most);
}

class TestDocument {
public:
    explicit TestDocument(const TestRun& run) : run_(run) { choose(); }

    Json finish() {
        Json document{{"run", run_json()},
                      {"machine", machine_json()},
                      {"guards", guards_json(run_.guards)},
                      {"verdicts", Json::array()},
                      {"failures", Json::array()},
                      {"memory_verdicts", Json::array()}};
        for (const TestVerdict verdict : verdicts) {
            document["verdicts"].push_back(name(verdict));
            document["failures"].push_back(is_failure(verdict));
        }
        for (const MemoryVerdict verdict : memory_verdicts) {
            document["memory_verdicts"].push_back(name(verdict));
        }
        document["tests"] = Json::array();
        for (const TestResult* result : chosen_) {
            document["tests"].push_back(page_row(*result, group_number(result->test), shares_));
        }
        document["groups"] = groups_;
        const std::size_t taken = bytes_within_page(document);
        const std::size_t room =
            page_bytes > taken + output_bytes_least ? page_bytes - taken : output_bytes_least;
        document["outputs_left_out"] = add_outputs(document["tests"], chosen_, room);
        return document;
    }

private:
    void choose() {
        std::size_t curves = 0;
        std::size_t reasons = 0;
        for (const TestResult& result : run_.results) {
            if (!is_failure(result.verdict) && chosen_.size() >= most_tests) {
                continue;
            }
            chosen_.push_back(&result);
            for (const Attempt& attempt : result.attempts) {
                curves += 1 + attempt.devices.size();
            }
            reasons += static_cast<std::size_t>(
                std::count_if(result.attempts.begin(), result.attempts.end(),
                              [](const Attempt& attempt) { return !attempt.reason.empty(); }));
        }
        shares_ = {share_of(curve_points, curves, 4, 200),
                   share_of(reason_bytes, reasons, 100, 8000)};
    }

    [[nodiscard]] Json run_json() const {
        const auto since_1970 = run_.started.time_since_epoch();
        Json document{{"framework", name(run_.framework)}, {"command", run_.command}};
        shorten_texts(document, page_name_max);
        document["started_unix_ms"] =
            std::chrono::duration_cast<std::chrono::milliseconds>(since_1970).count();
        document["duration_ms"] = in_milliseconds(run_.duration);
        document["slots"] = run_.slots;
        document["most_at_once_bytes"] = run_.most_at_once.count();
        document["interrupted"] = run_.interrupted;
        document["not_run"] = run_.not_run;
        document["notes"] = notes();
        return document;
    }

    [[nodiscard]] std::vector<std::string> notes() const {
        std::vector<std::string> notes;
        for (const std::string& note : run_.notes) {
            notes.push_back(output_lines(note));
        }
        if (run_.deselected > 0) {
            notes.push_back(fmt::format("Not selected: {}.", plural(run_.deselected, "test")));
        }
        if (chosen_.size() < run_.results.size()) {
            notes.push_back(fmt::format("Left out of this page, since they did not fail: {}.",
                                        plural(run_.results.size() - chosen_.size(), "test")));
        }
        return notes;
    }

    [[nodiscard]] Json machine_json() const {
        Json devices = Json::array();
        for (const TestMachine::Device& device : run_.machine.devices) {
            devices.push_back({{"name", shortened(device.name, page_name_max)},
                               {"total_bytes", device.total.count()},
                               {"free_bytes", device.free.count()}});
        }
        return {{"cores", run_.machine.cores},
                {"memory_bytes", run_.machine.memory.count()},
                {"free_bytes", run_.machine.free.count()},
                {"devices", std::move(devices)}};
    }

    std::size_t group_number(const TestCase& test) {
        const std::string group =
            groups_.size() < most_groups ? page_group(test, run_.framework) : "all others";
        const auto [at, is_new] = group_numbers_.try_emplace(group, groups_.size());
        if (is_new) {
            groups_.push_back(group);
        }
        return at->second;
    }

    const TestRun& run_;
    std::vector<const TestResult*> chosen_;
    PageShares shares_;
    std::vector<std::string> groups_;
    std::map<std::string, std::size_t> group_numbers_;
};

}  // namespace

std::string test_page(const TestRun& run) {
    return page_with_data(test_page_parts, TestDocument(run).finish());
}

}  // namespace hexcore
