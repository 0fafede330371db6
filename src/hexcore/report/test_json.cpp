#include "hexcore/report/test_json.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "hexcore/isolate/attempt_verdict.hpp"
#include "hexcore/report/json_text.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

double as_ms(std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1e6; }

Json bytes_or_null(const std::optional<Bytes>& bytes) {
    return bytes ? Json(bytes->count()) : Json(nullptr);
}

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

const char* residue_kind(Residue::Kind kind) {
    switch (kind) {
        case Residue::Kind::process:
            return "process";
        case Residue::Kind::shared_memory:
            return "shared_memory";
        case Residue::Kind::temporary_file:
            return "temporary_file";
        case Residue::Kind::device_memory:
            return "device_memory";
    }
    return "";
}

Json test_residues_json(const std::vector<Residue>& residues) {
    Json list = Json::array();
    for (const Residue& residue : residues) {
        list.push_back({{"kind", residue_kind(residue.kind)},
                        {"name", residue.name},
                        {"pid", residue.pid == 0 ? Json(nullptr) : Json(residue.pid)},
                        {"bytes", residue.bytes.count()},
                        {"gone", residue.is_gone}});
    }
    return list;
}

Json breach_json(const std::optional<Breach>& breach) {
    if (!breach) {
        return nullptr;
    }
    Json owners = Json::array();
    for (const MemoryOwner& owner : breach->owners) {
        owners.push_back(
            {{"pid", owner.pid}, {"command", owner.name}, {"bytes", owner.bytes.count()}});
    }
    return {{"device", breach->device},
            {"budget_bytes", breach->limit.count()},
            {"used_bytes", breach->used.count()},
            {"requested_bytes", bytes_or_null(breach->requested)},
            {"owners", std::move(owners)}};
}

Json attempt_json(const Attempt& attempt) {
    Json samples = Json::array();
    for (const MemorySample& sample : attempt.samples) {
        samples.push_back(Json::array({sample.time.count(), sample.bytes.count()}));
    }
    return {
        {"verdict", name(attempt.verdict)},
        {"reason", attempt.reason},
        {"signal", attempt.signal ? Json(signal_text(*attempt.signal)) : Json(nullptr)},
        {"start_ms", as_ms(attempt.start)},
        {"duration_ms", as_ms(attempt.duration)},
        {"peak_bytes", attempt.peak.count()},
        {"slot", attempt.slot},
        {"alone", attempt.alone},
        {"for_memory", attempt.for_memory},
        {"interrupted", attempt.interrupted},
        {"breach", breach_json(attempt.breach)},
        {"residues", test_residues_json(attempt.residues)},
        {"samples", std::move(samples)},
        {"output", attempt.verdict == TestVerdict::passed ? Json(nullptr) : Json(attempt.output)}};
}

std::optional<Bytes> budget_of(const TestCase& test, const std::string& device) {
    for (const DeviceLimit& limit : test.budget.devices) {
        if (limit.device == device) {
            return limit.limit;
        }
    }
    return std::nullopt;
}

Json devices_json(const TestResult& result) {
    std::vector<DevicePeak> peaks;
    for (const Attempt& attempt : result.attempts) {
        for (const DevicePeak& device : attempt.devices) {
            const auto same = std::find_if(
                peaks.begin(), peaks.end(),
                [&](const DevicePeak& other) { return other.device == device.device; });
            if (same == peaks.end()) {
                peaks.push_back(device);
            } else {
                same->peak = std::max(same->peak, device.peak);
            }
        }
    }
    Json list = Json::array();
    for (const DevicePeak& device : peaks) {
        list.push_back({{"name", device.device},
                        {"budget_bytes", bytes_or_null(budget_of(result.test, device.device))},
                        {"peak_bytes", device.peak.count()}});
    }
    return list;
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
            {"duration_ms", last == nullptr ? 0.0 : as_ms(last->duration)},
            {"host",
             {{"budget_bytes", bytes_or_null(test.budget.memory)}, {"peak_bytes", peak.count()}}},
            {"devices", devices_json(result)},
            {"kept_bytes", result.kept.count()},
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

Json test_guards_json(const Guards& guards) {
    const char* memory = guards.memory == MemoryGuard::cgroup_v2   ? "cgroup_v2"
                         : guards.memory == MemoryGuard::cgroup_v1 ? "cgroup_v1"
                                                                   : "polling";
    return {{"memory", memory},
            {"kill", guards.kill == KillGuard::cgroup_kill ? "cgroup_kill" : "sweep"},
            {"limits_processes", guards.limits_processes},
            {"why", guards.why}};
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
         {"duration_ms", as_ms(run.duration)},
         {"interrupted", run.interrupted},
         {"slots", run.slots},
         {"deselected", run.deselected},
         {"not_run", run.not_run},
         {"most_at_once_bytes", run.most_at_once.count()},
         {"machine", machine_json(run.machine)},
         {"guards", test_guards_json(run.guards)},
         {"notes", run.notes},
         {"summary", summary_json(run)},
         {"tests", std::move(tests)}});
}

}  // namespace hexcore
