#include "hexcore/cage/supervisor/serve.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <vector>

#include "hexcore/cage/descendants.hpp"
#include "hexcore/cage/supervisor/supervision.hpp"
#include "hexcore/cage/supervisor_messages.hpp"

extern char** environ;

namespace hexcore {
namespace {

/// The two descriptors that came along; closed on exec. False: they did not.
bool take_descriptors(msghdr& message, std::array<int, 2>& descriptors) {
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(descriptors))) {
        return false;
    }
    std::memcpy(descriptors.data(), CMSG_DATA(header), sizeof(descriptors));
    return true;
}

/// The texts in `from`, each ended by a zero byte, and a null behind them.
std::vector<char*> take_texts(std::uint32_t count, char*& from, const char* end) {
    std::vector<char*> texts;
    while (texts.size() < count && from < end) {
        texts.push_back(from);
        from += std::strlen(from) + 1;
    }
    texts.push_back(nullptr);
    return texts;
}

/// Does not return.
void be_supervisor(int socket, char* offer, const char* end, const std::array<int, 2>& given) {
    SupervisorOffer header;
    std::memcpy(&header, offer, sizeof(header));
    char* texts = offer + sizeof(header);
    std::vector<char*> words = take_texts(header.words, texts, end);
    std::vector<char*> variables = take_texts(header.variables, texts, end);
    std::signal(SIGCHLD, SIG_DFL);
    ::close(socket);
    ::setsid();
    ::dup2(given[1], STDOUT_FILENO);
    ::dup2(given[1], STDERR_FILENO);
    ::close(given[1]);
    environ = variables.data();
    auto task = read_task(static_cast<int>(words.size() - 1), words.data());
    if (!task) {
        ::_exit(2);
    }
    task->control = given[0];
    sigset_t none;
    sigemptyset(&none);
    ::_exit(Supervision(*std::move(task), none).run());
}

/// Where the starter was killed, a supervisor that its command stops again and again ends nothing:
/// it is continued, and what it watches over is ended from here as well.
void see_supervisors_off() {
    std::signal(SIGCHLD, SIG_DFL);  // their numbers are to stay theirs
    constexpr int looks = 2000;
    constexpr int between_looks_ms = 10;
    for (int look = 0; look < looks; ++look) {
        pid_t ended = 0;
        while ((ended = ::waitpid(-1, nullptr, WNOHANG)) > 0) {
        }
        if (ended < 0) {
            return;  // there are no more
        }
        std::vector<pid_t> found;
        list_descendants(::getpid(), found);
        for (const pid_t pid : found) {
            ::kill(pid, parent_of_process(pid) == ::getpid() ? SIGCONT : SIGKILL);
        }
        ::poll(nullptr, 0, between_looks_ms);
    }
}

}  // namespace

int serve_supervisors(int given_socket) {
    std::signal(SIGCHLD, SIG_IGN);       // nobody waits for them
    ::prctl(PR_SET_PDEATHSIG, SIGCONT);  // it may be stopped by then
    // What else was open when this was started is for none of them.
    constexpr int socket = STDERR_FILENO + 1;
    if (given_socket != socket) {
        ::dup2(given_socket, socket);
    }
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    ::close_range(socket + 1, ~0U, 0);
    std::vector<char> buffer(supervisor_offer_max + 1);
    while (true) {
        alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
        iovec part{buffer.data(), supervisor_offer_max};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        std::array<int, 2> given{-1, -1};
        if (size < static_cast<ssize_t>(sizeof(SupervisorOffer)) ||
            !take_descriptors(message, given)) {
            see_supervisors_off();
            return 0;
        }
        buffer[static_cast<std::size_t>(size)] = '\0';
        if (::fork() == 0) {
            be_supervisor(socket, buffer.data(), buffer.data() + size, given);
        }
        // Where there was no child the end of its socket says so, and it is started without this.
        ::close(given[0]);
        ::close(given[1]);
    }
}

}  // namespace hexcore
