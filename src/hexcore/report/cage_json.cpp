#include "hexcore/report/cage_json.hpp"

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string_view>

#include "hexcore/base/duration.hpp"
#include "hexcore/report/json_text.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

/// "cgroup_kill" of "cgroup.kill": what people read as words is one name in a document.
std::string json_name(std::string_view words) {
    std::string name(words);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == ' ' || c == '.'; }, '_');
    return name;
}

const char* killer_text(const CageOutcome& outcome) {
    if (!outcome.signalled || outcome.code != SIGKILL || outcome.ended_by_us != EndedByUs::no) {
        return nullptr;
    }
    switch (outcome.killed_by) {
        case KilledBy::cgroup:
            return "cgroup";
        case KilledBy::oom_killer:
            return "oom_killer";
        case KilledBy::unknown:
            return "unknown";
    }
    return nullptr;
}

}  // namespace

Json guards_json(const Guards& guards) {
    return {{"memory", json_name(to_string(guards.memory))},
            {"kill", json_name(to_string(guards.kill))},
            {"share", json_name(to_string(guards.share))},
            {"limits_processes", guards.limits_processes},
            {"why", guards.why}};
}

Json breach_json(const std::optional<Breach>& breach) {
    if (!breach) {
        return nullptr;
    }
    Json owners = Json::array();
    for (const MemoryOwner& owner : breach->owners) {
        owners.push_back(
            {{"pid", owner.pid}, {"name", owner.name}, {"bytes", owner.bytes.count()}});
    }
    return {{"device", breach->device},
            {"limit_bytes", breach->limit.count()},
            {"used_bytes", breach->used.count()},
            {"owners", std::move(owners)}};
}

Json residues_json(const std::vector<Residue>& residues) {
    Json list = Json::array();
    for (const Residue& residue : residues) {
        list.push_back({{"kind", json_name(to_string(residue.kind))},
                        {"name", residue.name},
                        {"pid", residue.pid != 0 ? Json(residue.pid) : Json()},
                        {"bytes", residue.bytes.count()},
                        {"gone", residue.is_gone}});
    }
    return list;
}

Json limit_json(const std::vector<std::string>& command, const CageLimits& limits,
                const Guards& guards, const CageOutcome& outcome) {
    Json devices = Json::array();
    for (const DeviceLimit& limit : limits.devices) {
        const auto peak =
            std::find_if(outcome.devices.begin(), outcome.devices.end(),
                         [&](const DevicePeak& other) { return other.device == limit.device; });
        devices.push_back(
            {{"device", limit.device},
             {"limit_bytes", limit.limit.count()},
             {"peak_bytes", peak == outcome.devices.end() ? Json() : Json(peak->peak.count())}});
    }
    const char* killer = killer_text(outcome);
    const bool ended_by_us = outcome.ended_by_us != EndedByUs::no;
    return {{"schema", "hexcore.limit/1"},
            {"command", command},
            {"guards", guards_json(guards)},
            {"memory_limit_bytes", bytes_or_null(limits.memory)},
            {"processes_limit", limits.processes ? Json(*limits.processes) : Json()},
            {"exit_code", outcome.signalled ? Json() : Json(outcome.code)},
            {"signal", outcome.signalled ? Json(outcome.code) : Json()},
            {"ended_by_us", ended_by_us ? Json(json_name(to_string(outcome.ended_by_us))) : Json()},
            {"killed_by", killer != nullptr ? Json(killer) : Json()},
            {"duration_ms", in_milliseconds(outcome.duration)},
            {"processor_ms", in_milliseconds(outcome.processor_time)},
            {"peak_bytes", outcome.peak.count()},
            {"devices", std::move(devices)},
            {"breach", breach_json(outcome.breach)},
            {"processes_refused", outcome.processes_refused},
            {"residues", residues_json(outcome.residues)},
            {"problem", outcome.problem.empty() ? Json() : Json(outcome.problem)}};
}

}  // namespace hexcore
