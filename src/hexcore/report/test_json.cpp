#include "hexcore/report/test_json.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/base/duration.hpp"
#include "hexcore/device/device_entry.hpp"
#include "hexcore/isolate/attempt_verdict.hpp"
#include "hexcore/report/cage_json.hpp"
#include "hexcore/report/json_text.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

Json samples_json(const std::vector<MemorySample>& samples) {
    Json list = Json::array();
    for (const MemorySample& sample : samples) {
        list.push_back(Json::array({sample.time.count(), sample.bytes.count()}));
    }
    return list;
}

Json attempt_json(const Attempt& attempt) {
    Json devices = Json::array();
    for (const DeviceUse& device : attempt.devices) {
        devices.push_back({{"name", device.device},
                           {"peak_bytes", device.peak.count()},
                           {"samples", samples_json(device.samples)}});
    }
    return {
        {"verdict", name(attempt.verdict)},
        {"reason", attempt.reason},
        {"signal", attempt.signal ? Json(signal_text(*attempt.signal)) : Json(nullptr)},
        {"stack", stack_json(attempt.stack)},
        {"start_ms", in_milliseconds(attempt.start)},
        {"duration_ms", in_milliseconds(attempt.duration)},
        {"peak_bytes", attempt.peak.count()},
        {"slot", attempt.slot},
        {"alone", attempt.alone},
        {"for_memory", attempt.for_memory},
        {"interrupted", attempt.interrupted},
        {"breach", breach_json(attempt.breach)},
        {"residues", residues_json(attempt.residues)},
        {"samples", samples_json(attempt.samples)},
        {"devices", std::move(devices)},
        {"output", attempt.verdict == TestVerdict::passed ? Json(nullptr) : Json(attempt.output)}};
}

Json devices_json(const TestResult& result) {
    std::vector<DevicePeak> peaks;
    for (const Attempt& attempt : result.attempts) {
        for (const DeviceUse& device : attempt.devices) {
            Bytes& peak = entry_of(peaks, device.device).peak;
            peak = std::max(peak, device.peak);
        }
    }
    Json list = Json::array();
    for (const DevicePeak& device : peaks) {
        const auto learned =
            result.learned ? limit_of(result.learned->devices, device.device) : std::nullopt;
        list.push_back(
            {{"name", device.device},
             {"budget_bytes", bytes_or_null(limit_of(result.test.budget.devices, device.device))},
             {"peak_bytes", device.peak.count()},
             {"learned_bytes", bytes_or_null(learned)}});
    }
    return list;
}

Json tests_or_null(const TestsOfProcess* tests) {
    return tests == nullptr
               ? Json(nullptr)
               : Json{{"tests", tests->count}, {"first", tests->first}, {"last", tests->last}};
}

Json test_json_of(const TestResult& result) {
    const Attempt* last = result.last();
    Bytes peak;
    Json attempts = Json::array();
    for (const Attempt& attempt : result.attempts) {
        peak = std::max(peak, attempt.peak);
        attempts.push_back(attempt_json(attempt));
    }
    const TestCase& test = result.test;
    return {{"id", test.id},
            {"verdict", name(result.verdict)},
            {"memory", name(result.memory)},
            {"reason", result.reason},
            {"signal",
             last != nullptr && last->signal ? Json(signal_text(*last->signal)) : Json(nullptr)},
            {"attempts", result.attempts.size()},
            {"duration_ms", last == nullptr ? 0.0 : in_milliseconds(last->duration)},
            {"host",
             {{"budget_bytes", bytes_or_null(test.budget.memory)}, {"peak_bytes", peak.count()}}},
            {"devices", devices_json(result)},
            {"kept_bytes", result.kept.count()},
            {"left_by_one_of", tests_or_null(result.left_by_one_of())},
            {"growth", last == nullptr ? Json::array() : growth_json(last->growth)},
            {"learned_bytes", result.learned ? Json(result.learned->host.count()) : Json(nullptr)},
            {"binary", text_or_null(test.binary)},
            {"group", text_or_null(test.group)},
            {"file", text_or_null(test.file)},
            {"line", test.line == 0 ? Json(nullptr) : Json(test.line)},
            {"tags", test.tags},
            {"runs", std::move(attempts)}};
}

Json summary_json(const TestRun& run) {
    Json summary = Json::object();
    for (const TestVerdict verdict :
         {TestVerdict::passed, TestVerdict::failed, TestVerdict::crashed, TestVerdict::timed_out,
          TestVerdict::over_budget, TestVerdict::skipped, TestVerdict::postponed,
          TestVerdict::flaky, TestVerdict::flaky_memory}) {
        summary[name(verdict)] =
            std::count_if(run.results.begin(), run.results.end(),
                          [&](const TestResult& result) { return result.verdict == verdict; });
    }
    return summary;
}

Json machine_json(const TestMachine& machine) {
    Json devices = Json::array();
    for (const TestMachine::Device& device : machine.devices) {
        devices.push_back({{"name", device.name},
                           {"total_bytes", device.total.count()},
                           {"free_bytes", device.free.count()}});
    }
    return {{"cores", machine.cores},
            {"memory_bytes", machine.memory.count()},
            {"free_bytes", machine.free.count()},
            {"devices", std::move(devices)}};
}

}  // namespace

Json growth_json(const std::vector<DeviceGrowth>& growth) {
    Json list = Json::array();
    for (const auto& [device, judgement] : growth) {
        list.push_back({{"device", device},
                        {"verdict", to_string(judgement.verdict)},
                        {"bytes_per_repeat", judgement.bytes_per_repeat},
                        {"repeats", judgement.repeats},
                        {"why", judgement.why}});
    }
    return list;
}

Json stack_json(const CrashStack& stack) {
    if (stack.is_empty()) {
        return nullptr;
    }
    Json frames = Json::array();
    for (const CrashStack::Frame& frame : stack.frames) {
        frames.push_back({{"name", frame.name}, {"own", frame.is_own}});
    }
    return {{"frames", std::move(frames)}, {"note", text_or_null(stack.note)}};
}

std::string test_json(const TestRun& run) {
    Json tests = Json::array();
    for (const TestResult& result : run.results) {
        tests.push_back(test_json_of(result));
    }
    const auto started = std::chrono::time_point_cast<std::chrono::seconds>(run.started);
    return json_text(
        {{"schema", "hexcore.test/1"},
         {"framework", name(run.framework)},
         {"command", run.command},
         {"started",
          fmt::format("{:%FT%TZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(started)))},
         {"duration_ms", in_milliseconds(run.duration)},
         {"interrupted", run.interrupted},
         {"slots", run.slots},
         {"deselected", run.deselected},
         {"not_run", run.not_run},
         {"most_at_once_bytes", run.most_at_once.count()},
         {"machine", machine_json(run.machine)},
         {"guards", guards_json(run.guards)},
         {"notes", run.notes},
         {"summary", summary_json(run)},
         {"tests", std::move(tests)}});
}

}  // namespace hexcore
