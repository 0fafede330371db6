#include "hexcore/cage/stray_processes.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string_view>

#include "hexcore/cage/descendants.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {
namespace {

bool has_in_environment(pid_t pid, const std::string& mark) {
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

}  // namespace

void end_stray_processes(pid_t first, const std::string& mark,
                         const std::function<std::vector<pid_t>()>& members) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    do {
        std::vector<pid_t> strays = members();
        std::vector<pid_t> ours;
        list_descendants(::getpid(), ours);
        std::copy_if(ours.begin(), ours.end(), std::back_inserter(strays), [&](pid_t pid) {
            return pid == first || (first > 0 && ::getsid(pid) == first) ||
                   has_in_environment(pid, mark);
        });
        for (const pid_t pid : strays) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, WNOHANG);
        }
        if (strays.empty()) {
            return;
        }
        ::poll(nullptr, 0, 1);
    } while (std::chrono::steady_clock::now() < deadline);
}

}  // namespace hexcore
