#include "hexcore/cage/stray_processes.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>

#include "hexcore/cage/descendants.hpp"
#include "hexcore/cage/marked_processes.hpp"

namespace hexcore {
void end_stray_processes(const std::vector<pid_t>& known, const std::string& mark,
                         const std::function<std::vector<pid_t>()>& members) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    do {
        std::vector<pid_t> strays = members();
        std::vector<pid_t> ours;
        list_descendants(::getpid(), ours);
        std::copy_if(ours.begin(), ours.end(), std::back_inserter(strays), [&](pid_t pid) {
            const pid_t session = ::getsid(pid);
            return is_marked(pid, mark) ||
                   std::any_of(known.begin(), known.end(), [&](pid_t other) {
                       return other > 0 && (pid == other || session == other);
                   });
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
