#include "hexcore/report/cage_report.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

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

std::string breach_text(const Breach& breach, const Guards& guards) {
    const bool is_memory = breach.device == "memory";
    std::string text =
        fmt::format("over its limit: {} of {}{} ({})", to_string(breach.used),
                    to_string(breach.limit), is_memory ? "" : " on " + breach.device,
                    is_memory ? guard_text(guards.memory) : "the driver said so; it was killed");
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

}  // namespace hexcore
