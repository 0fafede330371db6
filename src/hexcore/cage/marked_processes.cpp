#include "hexcore/cage/marked_processes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "hexcore/device/proc_root.hpp"
#include "hexcore/watch/process_facts.hpp"

namespace hexcore {

bool is_marked(pid_t pid, const std::string& mark) {
    const auto text = ProcRoot{}.read_if_there(fmt::format("/proc/{}/environ", pid));
    if (mark.empty() || !text || !*text) {
        return false;
    }
    // Each variable is ended by a zero byte.
    std::string_view rest(**text);
    while (!rest.empty()) {
        const std::size_t end = rest.find('\0');
        if (rest.substr(0, end) == mark) {
            return true;
        }
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    return false;
}

std::vector<pid_t> processes_marked(const std::string& mark) {
    std::vector<pid_t> pids;
    list_pids(pids);
    std::erase_if(pids, [&](pid_t pid) { return !is_marked(pid, mark); });
    return pids;
}

}  // namespace hexcore
