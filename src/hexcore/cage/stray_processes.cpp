#include "hexcore/cage/stray_processes.hpp"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iterator>

#include "hexcore/base/printable.hpp"
#include "hexcore/cage/descendants.hpp"
#include "hexcore/cage/marked_processes.hpp"
#include "hexcore/cage/members.hpp"
#include "hexcore/device/memory_holder.hpp"

namespace hexcore {
namespace {

std::vector<pid_t> own_descendants() {
    std::vector<pid_t> pids;
    list_descendants(::getpid(), pids);
    return pids;
}

/// Kills what `find` says until it says nothing.
void kill_until_gone(const std::function<std::vector<pid_t>()>& find) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    do {
        const std::vector<pid_t> pids = find();
        for (const pid_t pid : pids) {
            ::kill(pid, SIGKILL);
            ::waitpid(pid, nullptr, WNOHANG);
        }
        if (pids.empty()) {
            return;
        }
        ::poll(nullptr, 0, 1);
    } while (std::chrono::steady_clock::now() < deadline);
}

}  // namespace

void end_stray_processes(const std::vector<pid_t>& known, const std::string& mark,
                         const std::function<std::vector<pid_t>()>& members) {
    kill_until_gone([&] {
        std::vector<pid_t> strays = members();
        const std::vector<pid_t> ours = own_descendants();
        std::copy_if(ours.begin(), ours.end(), std::back_inserter(strays), [&](pid_t pid) {
            const pid_t session = ::getsid(pid);
            return is_marked(pid, mark) ||
                   std::any_of(known.begin(), known.end(), [&](pid_t other) {
                       return other > 0 && (pid == other || session == other);
                   });
        });
        return strays;
    });
}

std::vector<Residue> end_descendants() {
    std::vector<Residue> ended;
    for (const pid_t pid : own_descendants()) {
        if (::waitpid(pid, nullptr, WNOHANG) <= 0) {
            const auto number = static_cast<std::uint32_t>(pid);
            ended.push_back({.kind = Residue::Kind::process,
                             .name = printable(command_of({}, number)),
                             .bytes = memory_of_member(pid, MemberReading::quick),
                             .pid = number});
        }
    }
    kill_until_gone(own_descendants);
    return ended;
}

}  // namespace hexcore
