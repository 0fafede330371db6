#include "hexcore/report/cage_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

double milliseconds_of(std::chrono::nanoseconds time) {
    return std::chrono::duration<double, std::milli>(time).count();
}

Json owners_json(const std::vector<MemoryOwner>& owners) {
    Json list = Json::array();
    for (const MemoryOwner& owner : owners) {
        list.push_back({{"pid", owner.pid}, {"name", owner.name}, {"bytes", owner.bytes.count()}});
    }
    return list;
}

Json breach_json(const Breach& breach) {
    return {{"device", breach.device},
            {"limit_bytes", breach.limit.count()},
            {"used_bytes", breach.used.count()},
            {"requested_bytes", breach.requested ? Json(breach.requested->count()) : Json()},
            {"owners", owners_json(breach.owners)}};
}

Json residues_json(const std::vector<Residue>& residues) {
    Json list = Json::array();
    for (const Residue& residue : residues) {
        list.push_back({{"kind", to_string(residue.kind)},
                        {"name", residue.name},
                        {"pid", residue.pid != 0 ? Json(residue.pid) : Json()},
                        {"bytes", residue.bytes.count()},
                        {"gone", residue.is_gone}});
    }
    return list;
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

const char* guard_text(MemoryGuard guard) {
    switch (guard) {
        case MemoryGuard::cgroup_v2:
            return "its control group killed all of it at the limit";
        case MemoryGuard::cgroup_v1:
            return "its control group stopped it at the limit, then it was killed";
        case MemoryGuard::polling:
            return "a sample found it over the limit, then it was killed";
    }
    return "";
}

}  // namespace

Json guards_json(const Guards& guards) {
    return {{"memory", to_string(guards.memory)},
            {"kill", to_string(guards.kill)},
            {"share", to_string(guards.share)},
            {"limits_processes", guards.limits_processes},
            {"why", guards.why}};
}

std::string breach_text(const Breach& breach, const Guards& guards) {
    const bool is_memory = breach.device == "memory";
    std::string text =
        fmt::format("over its limit: {} of {}{} ({})", to_string(breach.used),
                    to_string(breach.limit), is_memory ? "" : " on " + breach.device,
                    is_memory ? guard_text(guards.memory) : "the driver said so; it was killed");
    if (breach.requested) {
        text += fmt::format("; it asked for {} more", to_string(*breach.requested));
    }
    std::string owners;
    constexpr std::size_t named = 3;
    for (std::size_t i = 0; i < std::min(named, breach.owners.size()); ++i) {
        const MemoryOwner& owner = breach.owners[i];
        owners += fmt::format("{}{} (pid {}) {}", i == 0 ? "" : ", ", printable(owner.name),
                              owner.pid, to_string(owner.bytes));
    }
    return owners.empty() ? text : fmt::format("{}. Most had: {}", text, owners);
}

std::string residue_text(const std::vector<Residue>& residues, std::size_t named) {
    constexpr std::size_t longest_name = 60;
    std::string text;
    for (std::size_t i = 0; i < std::min(named, residues.size()); ++i) {
        const Residue& residue = residues[i];
        const bool is_process = residue.kind == Residue::Kind::process;
        text += fmt::format("{}{} {}{}", text.empty() ? "" : "; ", to_string(residue.kind),
                            shortened(residue.name, longest_name),
                            is_process ? fmt::format(" (pid {})", residue.pid) : "");
        text += residue.bytes > Bytes{} ? fmt::format(", {}", to_string(residue.bytes)) : "";
        const char* now = is_process ? ", ended" : ", removed";
        text += residue.is_gone ? now : ", which stays";
    }
    if (residues.size() > named) {
        text += fmt::format("; and {} more", residues.size() - named);
    }
    return text.empty() ? text : "left behind: " + text;
}

bool anything_stays(const std::vector<Residue>& residues) {
    return std::any_of(residues.begin(), residues.end(),
                       [](const Residue& residue) { return !residue.is_gone; });
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
    return {{"schema", "hexcore.limit/1"},
            {"command", command},
            {"guards", guards_json(guards)},
            {"memory_limit_bytes", limits.memory ? Json(limits.memory->count()) : Json()},
            {"processes_limit", limits.processes ? Json(*limits.processes) : Json()},
            {"exit_code", outcome.signalled ? Json() : Json(outcome.code)},
            {"signal", outcome.signalled ? Json(outcome.code) : Json()},
            {"ended_by_us",
             outcome.ended_by_us == EndedByUs::no ? Json() : Json(to_string(outcome.ended_by_us))},
            {"killed_by", killer != nullptr ? Json(killer) : Json()},
            {"duration_ms", milliseconds_of(outcome.duration)},
            {"processor_ms", milliseconds_of(outcome.processor_time)},
            {"peak_bytes", outcome.peak.count()},
            {"devices", std::move(devices)},
            {"breach", outcome.breach ? breach_json(*outcome.breach) : Json()},
            {"residues", residues_json(outcome.residues)},
            {"problem", outcome.problem.empty() ? Json() : Json(outcome.problem)}};
}

}  // namespace hexcore
