// A test that takes 2 ms waits for each process that has to have its turn before it begins and
// after it ends; where a machine is busy, a turn comes milliseconds later. So what can be done
// before a command is known is done by then: its supervisor and the parent that it is going to have
// are forked, with namespaces of their own. The parent takes the offer, passes it on and starts the
// command; the supervisor has its turn meanwhile. The next two are forked while the command runs.
#include "hexcore/cage/supervisor/serve.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <memory>
#include <optional>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/descendants.hpp"
#include "hexcore/cage/supervisor/launch.hpp"
#include "hexcore/cage/supervisor/left_behind.hpp"
#include "hexcore/cage/supervisor/short_turns.hpp"
#include "hexcore/cage/supervisor/supervision.hpp"
#include "hexcore/cage/supervisor_messages.hpp"
#include "hexcore/process/send_descriptors.hpp"

extern char** environ;

namespace hexcore {
namespace {

/// What else was open when this was started is for no supervisor.
constexpr int offers = STDERR_FILENO + 1;

/// What came by a socket, with the descriptors beside it.
struct TakenOffer {
    std::unique_ptr<char[]> buffer;
    std::size_t size = 0;
    int control = -1;
    int output = -1;
};

/// Nothing: there are no more, or what came is none.
std::optional<TakenOffer> take_offer(int socket, int flags) {
    TakenOffer taken{std::make_unique_for_overwrite<char[]>(supervisor_offer_max + 1)};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(2 * sizeof(int))> control{};
    iovec part{taken.buffer.get(), supervisor_offer_max};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    ssize_t size = 0;
    do {
        size = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
    } while (size < 0 && errno == EINTR);
    const cmsghdr* header = size > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
    std::array<int, 2> given{-1, -1};
    if (size < static_cast<ssize_t>(sizeof(SupervisorOffer)) || header == nullptr ||
        header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(given))) {
        return std::nullopt;
    }
    std::memcpy(given.data(), CMSG_DATA(header), sizeof(given));
    taken.size = static_cast<std::size_t>(size);
    taken.buffer[taken.size] = '\0';
    taken.control = given[0];
    taken.output = given[1];
    return taken;
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

/// What the words in it say; its texts stay in there.
SupervisorTask read_offer(TakenOffer& offer) {
    SupervisorOffer header;
    std::memcpy(&header, offer.buffer.get(), sizeof(header));
    char* texts = offer.buffer.get() + sizeof(header);
    const char* end = offer.buffer.get() + offer.size;
    // As long as this process lives, as those of main().
    static std::vector<char*> words;
    static std::vector<char*> variables;
    words = take_texts(header.words, texts, end);
    variables = take_texts(header.variables, texts, end);
    environ = variables.data();
    auto task = read_task(static_cast<int>(words.size() - 1), words.data());
    if (!task) {
        ::_exit(2);
    }
    task->control = offer.control;
    return *std::move(task);
}

sigset_t no_signals() {
    sigset_t none;
    sigemptyset(&none);
    return none;
}

struct ServedBy {
    ServedShares shares = ServedShares::observed;
    std::optional<TurnLength> turns;  ///< that a command gets back
};

/// What becomes the parent of a command. Does not return.
void take_and_start(const ServedBy& by, pid_t supervisor, int to_supervisor, FileDescriptor taken) {
    auto offer = take_offer(offers, 0);
    if (!offer) {
        ::_exit(0);
    }
    ::close(offers);
    (void)!::write(taken.get(), "", 1);
    // Before the command is there, which may kill this process.
    const std::array<int, 2> given{offer->control, offer->output};
    if (send_descriptors(to_supervisor, {offer->buffer.get(), offer->size}, given) !=
        static_cast<ssize_t>(offer->size)) {
        ::_exit(0);
    }
    ::dup2(offer->output, STDOUT_FILENO);
    ::dup2(offer->output, STDERR_FILENO);
    ::close(offer->output);
    SupervisorTask task = read_offer(*offer);
    task.turns = by.turns;
    task.taken.emplace(std::move(taken));
    be_parent_of_command(task, supervisor, to_supervisor, no_signals());
}

/// Does not return. `taken` is closed once the command runs.
void be_supervisor(const ServedBy& by, FileDescriptor taken) {
    std::signal(SIGCHLD, SIG_DFL);
    ::prctl(PR_SET_PDEATHSIG, SIGCONT);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    ::setsid();
    std::unique_ptr<ShareWatch> shares;
    std::array<int, 2> ends{-1, -1};
    if (by.shares == ServedShares::observed) {
        shares = std::make_unique<ShareWatch>();
    } else if (!take_own_shares()) {
        ::_exit(1);
    }
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        ::_exit(1);
    }
    const pid_t supervisor = ::getpid();
    const pid_t parent = ::fork();
    if (parent == 0) {
        ::close(ends[0]);
        take_and_start(by, supervisor, ends[1], std::move(taken));
    }
    ::close(offers);
    ::close(ends[1]);
    FileDescriptor hearing(ends[0]);
    auto offer = parent > 0 ? take_offer(hearing.get(), 0) : std::nullopt;
    if (!offer) {
        ::_exit(0);
    }
    {
        // The parent has it as well. Where it was moved from, it is the parent, which ends there.
        const FileDescriptor closed(std::move(taken));  // NOLINT(bugprone-use-after-move)
    }
    ::close(offer->output);
    ::fcntl(hearing.get(), F_SETFL, O_NONBLOCK);
    SupervisorTask task = read_offer(*offer);
    task.ready.emplace(SupervisionReady{parent, std::move(hearing), std::move(shares)});
    ::_exit(Supervision(std::move(task), no_signals()).run());
}

/// The supervisors that wait for a command.
class ReadySupervisors {
public:
    explicit ReadySupervisors(ServedBy by) : by_(by) {}

    /// So many that two tests which end at once don't wait for each other.
    void fork_missing() {
        constexpr std::size_t wanted = 4;
        while (failures_ == 0 && ready_.size() < wanted) {
            (void)fork_one();
        }
    }
    [[nodiscard]] bool are_there() const { return !ready_.empty(); }

    /// An offer waits, and none is there. False: the system refuses what one needs.
    [[nodiscard]] bool fork_for_offer() {
        constexpr int failures_max = 2;
        if (failures_ < failures_max && fork_one()) {
            return true;
        }
        failures_ = 1;  // the next offer is another try
        return false;
    }

    void add_to(std::vector<pollfd>& files) const {
        for (const Ready& one : ready_) {
            files.push_back({one.taken.get(), 0, 0});
        }
    }
    /// Those whose file of `files` has ended are none of them any more.
    void forget(const std::vector<pollfd>& files) {
        std::erase_if(ready_, [&](const Ready& one) {
            const bool is_over = std::any_of(files.begin(), files.end(), [&](const pollfd& file) {
                return file.fd == one.taken.get() && file.revents != 0;
            });
            char byte = 0;
            if (is_over) {
                failures_ = one.taken.read(&byte, 1) == 1 ? 0 : failures_ + 1;
            }
            return is_over;
        });
    }
    /// Whoever runs may have stopped them.
    void wake() const {
        for (const Ready& one : ready_) {
            ::kill(-one.pid, SIGCONT);  // its child is in its group
        }
    }

private:
    struct Ready {
        pid_t pid = 0;
        FileDescriptor taken;  ///< ends when it has taken an offer, which a byte says, or has ended
    };

    bool fork_one() {
        std::array<int, 2> ends{-1, -1};
        const bool is_open = ::pipe2(ends.data(), O_CLOEXEC) == 0;
        FileDescriptor reading(ends[0]);
        FileDescriptor writing(ends[1]);
        const pid_t pid = is_open ? ::fork() : -1;
        if (pid == 0) {
            ready_.clear();
            { const FileDescriptor closed(std::move(reading)); }
            be_supervisor(by_, std::move(writing));
        }
        if (pid > 0) {
            // Where it was moved from, it is the child, which ends there.
            ready_.push_back({pid, std::move(reading)});  // NOLINT(bugprone-use-after-move)
        } else {
            ++failures_;
        }
        return pid > 0;
    }

    ServedBy by_;
    std::list<Ready> ready_;
    int failures_ = 0;  ///< how many in a row were not forked, or ended before they took an offer
};

/// Where the starter was killed, a supervisor that its command stops again and again ends nothing:
/// it is continued, and in the end what it watches over is ended from here as well. Before that it
/// has a second to do so itself: it is the one that removes files then.
void see_supervisors_off() {
    std::signal(SIGCHLD, SIG_DFL);  // their numbers are to stay theirs
    constexpr int looks = 2000;
    constexpr int between_looks_ms = 10;
    constexpr int patient_looks = 100;
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
            const bool is_supervisor = parent_of_process(pid) == ::getpid();
            if (is_supervisor || look >= patient_looks) {
                ::kill(pid, is_supervisor ? SIGCONT : SIGKILL);
            }
        }
        ::poll(nullptr, 0, between_looks_ms);
    }
}

/// Where somebody has stopped this process, the starter continues it, which is told by a signal.
FileDescriptor continued() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCONT);
    return FileDescriptor(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

int serve_supervisors(int given_socket, ServedShares shares) {
    std::signal(SIGCHLD, SIG_IGN);       // nobody waits for them
    ::prctl(PR_SET_PDEATHSIG, SIGCONT);  // it may be stopped by then
    if (given_socket != offers) {
        ::dup2(given_socket, offers);
    }
    ::fcntl(offers, F_SETFD, FD_CLOEXEC);
    ::close_range(offers + 1, ~0U, 0);
    const FileDescriptor signals = continued();
    ReadySupervisors ready(ServedBy{shares, take_short_turns()});
    std::vector<pollfd> files;
    while (true) {
        ready.fork_missing();
        // Where the system refuses to fork, the end of an offer's socket says so, and the command
        // is started without this.
        const short awaited = ready.are_there() ? 0 : POLLIN;
        files.assign({{offers, awaited, 0}, {signals.get(), POLLIN, 0}});
        ready.add_to(files);
        (void)::poll(files.data(), files.size(), -1);
        if ((files[0].revents & (POLLHUP | POLLERR | POLLNVAL)) != 0) {
            see_supervisors_off();
            return 0;
        }
        ready.forget(files);
        signalfd_siginfo info{};
        while (signals.read(&info, sizeof(info)) > 0) {
            ready.wake();
        }
        if ((files[0].revents & POLLIN) != 0) {
            if (!ready.are_there() && !ready.fork_for_offer()) {
                if (const auto offer = take_offer(offers, MSG_DONTWAIT)) {
                    ::close(offer->control);
                    ::close(offer->output);
                }
            }
        }
    }
}

}  // namespace hexcore
