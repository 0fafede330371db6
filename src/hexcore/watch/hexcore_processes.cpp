#include "hexcore/watch/hexcore_processes.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "hexcore/device/memory_holder.hpp"
#include "hexcore/watch/process_facts.hpp"

namespace hexcore {
namespace {

/// A program opens its plugins some time after it was started.
constexpr int looks_at_one = 20;

bool has_hexcore(pid_t pid) {
    const std::string folder = fmt::format("/proc/{}", pid);
    const std::string program = ProcRoot{}.read_link(folder + "/exe").value_or("");
    const auto maps = ProcRoot{}.read_if_there(folder + "/maps");
    const std::string_view mapped = maps && *maps ? std::string_view(**maps) : std::string_view();
    constexpr std::array libraries{"/libggml-hexcore.so", "/libhexcore.so",
                                   "/libhexcore-tracker.so"};
    return program.ends_with("/hexcore") ||
           std::any_of(libraries.begin(), libraries.end(), [mapped](const char* library) {
               return mapped.find(library) != std::string_view::npos;
           });
}

/// The program itself, as it watches others.
bool watches(pid_t pid) {
    const auto words = command_words({}, fmt::format("/proc/{}", pid));
    return words.size() > 1 && words[1] == "watch" && words[0].ends_with("hexcore");
}

}  // namespace

bool HexcoreProcesses::comes_from_another(const Known& process) const {
    auto parent = known_.find(process.parent);
    for (std::size_t up = 0; up < known_.size() && parent != known_.end(); ++up) {
        if (parent->second.is_hexcore) {
            return true;
        }
        parent = known_.find(parent->second.parent);
    }
    return false;
}

std::vector<ProcessIdentity> HexcoreProcesses::look() {
    std::map<pid_t, Known> still;
    std::vector<pid_t> pids;
    list_pids(pids);
    for (const pid_t pid : pids) {
        const auto facts = facts_of_process(pid);
        if (!facts || pid == ::getpid()) {
            continue;
        }
        Known known = known_[pid];
        if (known.start != facts->start) {
            known = {.start = facts->start};
        }
        if (!known.is_hexcore && known.looks < looks_at_one) {
            ++known.looks;
            known.is_hexcore = user_of_process(pid) == ::geteuid() && has_hexcore(pid);
            known.watches = known.is_hexcore && watches(pid);
        }
        known.parent = facts->parent;
        still[pid] = known;
    }
    known_ = std::move(still);
    std::vector<ProcessIdentity> found;
    for (const auto& [pid, known] : known_) {
        if (known.is_hexcore && !known.watches && !comes_from_another(known)) {
            found.push_back({pid, known.start});
        }
    }
    return found;
}

}  // namespace hexcore
