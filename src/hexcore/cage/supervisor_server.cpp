#include "hexcore/cage/supervisor_server.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "hexcore/cage/spawn_supervisor.hpp"
#include "hexcore/cage/supervisor_messages.hpp"
#include "hexcore/process/send_descriptors.hpp"

namespace hexcore {

std::unique_ptr<SupervisorServer> SupervisorServer::start(const std::filesystem::path& program,
                                                          ShareGuard shares) {
    std::array<int, 2> ends{-1, -1};
    const FileDescriptor nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return nullptr;
    }
    FileDescriptor ours(ends[0]);
    const FileDescriptor theirs(ends[1]);
    const auto pid = spawn_supervisor(
        {.program = program,
         .words = {"--serve", std::to_string(theirs.get()),
                   shares == ShareGuard::namespaces ? own_shares_served : observed_shares_served},
         .environment = {},
         .control = theirs.get(),
         .output = nowhere.get()});
    return pid ? std::unique_ptr<SupervisorServer>(new SupervisorServer(std::move(ours), *pid))
               : nullptr;
}

SupervisorServer::~SupervisorServer() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

bool SupervisorServer::has_ended() const {
    siginfo_t ended{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           ended.si_pid != 0;
}

void SupervisorServer::wake() const { ::kill(pid_, SIGCONT); }

bool SupervisorServer::fork_supervisor(const std::vector<std::string>& words,
                                       const std::vector<std::string>& environment, int control,
                                       int output) const {
    const SupervisorOffer header{static_cast<std::uint32_t>(words.size() + 1),
                                 static_cast<std::uint32_t>(environment.size())};
    std::string offer(reinterpret_cast<const char*>(&header), sizeof(header));
    offer.append("hexcore-supervisor").push_back('\0');
    for (const auto* texts : {&words, &environment}) {
        for (const std::string& text : *texts) {
            offer.append(text).push_back('\0');
        }
    }
    if (offer.size() > supervisor_offer_max) {
        return false;
    }
    const std::array<int, 2> given{control, output};
    return send_descriptors(socket_.get(), offer, given) == static_cast<ssize_t>(offer.size());
}

}  // namespace hexcore
