#include "hexcore/cage/supervisor/sweeper.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "hexcore/cage/descendants.hpp"

namespace hexcore {

std::vector<pid_t> Sweeper::descendants() {
    std::vector<pid_t> found;
    list_descendants(::getpid(), found);
    std::sort(found.begin(), found.end());
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

void Sweeper::pass() {
    if (kill_file_ != nullptr) {
        const int file = ::open(kill_file_, O_WRONLY | O_CLOEXEC);
        (void)!::write(file, "1", 1);
        ::close(file);
    }
    constexpr int rounds_max = 100;
    std::vector<pid_t> stopped;
    for (int round = 0; round < rounds_max; ++round) {
        const std::vector<pid_t> found = descendants();
        bool is_new = false;
        for (const pid_t pid : found) {
            if (!std::binary_search(stopped.begin(), stopped.end(), pid)) {
                is_new = true;
                ::kill(pid, SIGSTOP);
            }
        }
        stopped = found;
        if (!is_new) {
            break;
        }
    }
    for (const pid_t pid : stopped) {
        ::kill(pid, SIGKILL);
    }
}

}  // namespace hexcore
