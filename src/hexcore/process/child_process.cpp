#include "hexcore/process/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

extern char** environ;

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kept_bytes = 65536;
constexpr auto look_up_interval = std::chrono::milliseconds(50);

Error refused(int why) {
    return {ErrorCode::does_not_fit,
            fmt::format("the system does not start another process: {}; raise the limit that is in "
                        "the way (ulimit -u, ulimit -n, memory)",
                        std::strerror(why))};
}

/// Why it did not become the program.
Error not_begun(const std::filesystem::path& program, int why) {
    constexpr std::array of_the_program{ENOENT, EACCES, ENOTDIR, ENOEXEC,
                                        EPERM,  EISDIR, ELOOP,   ENAMETOOLONG};
    if (std::find(of_the_program.begin(), of_the_program.end(), why) == of_the_program.end()) {
        return refused(why);
    }
    return {ErrorCode::usage,
            fmt::format("{} cannot be started: {}", program.string(), std::strerror(why))};
}

/// Both ends of a pipe; they close themselves, and no program that is started inherits them.
class Pipe {
public:
    explicit Pipe(int flags = 0) {
        error_ = ::pipe2(ends_.data(), O_CLOEXEC | flags) == 0 ? 0 : errno;
    }
    ~Pipe() {
        close(0);
        close(1);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    [[nodiscard]] int error() const { return error_; }
    [[nodiscard]] int reading() const { return ends_[0]; }
    [[nodiscard]] int writing() const { return ends_[1]; }
    void close_writing() { close(1); }

    /// Reads what is there; closes at the end. False once it is closed.
    bool drain(std::string& into) {
        std::array<char, 4096> bytes{};
        const ssize_t count = ::read(ends_[0], bytes.data(), bytes.size());
        if (count == 0 || (count < 0 && errno != EINTR)) {
            close(0);
            return false;
        }
        into.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        into.erase(0, into.size() - std::min(kept_bytes, into.size()));
        return true;
    }

private:
    void close(std::size_t end) {
        if (ends_[end] >= 0) {
            ::close(ends_[end]);
            ends_[end] = -1;
        }
    }

    std::array<int, 2> ends_{-1, -1};
    int error_ = 0;
};

/// Holds back all signals of this thread, so that no handler of this process runs in a child of it.
class SignalsHeld {
public:
    SignalsHeld() {
        sigset_t all;
        sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsHeld() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;

private:
    sigset_t before_{};
};

/// A process that was started and not yet waited for; killed where nobody does.
class Running {
public:
    explicit Running(pid_t pid) : pid_(pid) {}
    ~Running() { kill(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    /// waitpid's status once it has ended; 0 if that is lost.
    std::optional<int> ended() {
        int status = 0;
        const pid_t waited = ::waitpid(pid_, &status, WNOHANG);
        if (waited == 0 || (waited < 0 && errno == EINTR)) {
            return std::nullopt;
        }
        pid_ = -1;
        is_lost_ = waited < 0;
        return is_lost_ ? 0 : status;
    }
    /// Whether it ended and nobody can tell how: SIGCHLD is ignored, or somebody else waited.
    [[nodiscard]] bool is_lost() const { return is_lost_; }
    void kill() {
        if (pid_ < 0) {
            return;
        }
        ::kill(pid_, SIGKILL);
        // One that hangs in the kernel (a dead network disk) stays; it must not keep us.
        for (int i = 0; i < 20 && !ended(); ++i) {
            ::poll(nullptr, 0, static_cast<int>(look_up_interval.count()));
        }
    }

private:
    pid_t pid_;
    bool is_lost_ = false;
};

/// What the child does before it is the program. Threads that it does not have may hold locks, so
/// this is system calls alone.
class Beginning {
public:
    explicit Beginning(const ChildCommand& command)
        : program_(command.program.string()), words_(command.arguments) {
        arguments_.push_back(program_.data());
        for (std::string& word : words_) {
            arguments_.push_back(word.data());
        }
        arguments_.push_back(nullptr);
    }

    /// Does not return; why it could not is written to `failure`.
    void become_program(const Pipe& out, const Pipe& err, const Pipe& failure) const {
        for (int signal = 1; signal < NSIG; ++signal) {
            ::signal(signal, SIG_DFL);
        }
        sigset_t none;
        sigemptyset(&none);
        const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (nothing >= 0 && connect(nothing, STDIN_FILENO) &&
            connect(out.writing(), STDOUT_FILENO) && connect(err.writing(), STDERR_FILENO) &&
            ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0) {
            ::execve(program_.c_str(), arguments_.data(), environ);
        }
        const int why = errno;
        (void)!::write(failure.writing(), &why, sizeof(why));
        ::_exit(127);
    }

private:
    /// Two that are one already only stay open.
    static bool connect(int source, int target) {
        return source == target ? ::fcntl(target, F_SETFD, 0) == 0 : ::dup2(source, target) >= 0;
    }

    std::string program_;
    std::vector<std::string> words_;
    std::vector<char*> arguments_;
};

/// By fork(): posix_spawn() returns only once the child has become the program, and a child that is
/// stopped or hangs before that would take its parent with it.
Result<pid_t> start(const ChildCommand& command, const Pipe& out, const Pipe& err,
                    const Pipe& failure) {
    const Beginning beginning(command);
    const SignalsHeld held;
    const pid_t pid = ::fork();
    if (pid == 0) {
        beginning.become_program(out, err, failure);
    }
    if (pid < 0) {
        return tl::unexpected(refused(errno));
    }
    return pid;
}

/// What the child writes, until it has ended; empty: it was stopped or is out of time.
std::optional<int> follow(Running& child, Pipe& out, Pipe& err, ChildOutcome& outcome,
                          Clock::time_point end, const std::atomic<bool>* stop) {
    bool out_open = true;
    bool err_open = true;
    while ((stop == nullptr || !stop->load()) && Clock::now() < end) {
        std::array<pollfd, 2> waiting{{{out.reading(), POLLIN, 0}, {err.reading(), POLLIN, 0}}};
        // Its ends of the pipes close just before it can be waited for.
        const auto wait = out_open || err_open ? look_up_interval : std::chrono::milliseconds(1);
        const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(wait.count()));
        if (ready > 0 && waiting[0].revents != 0) {
            out_open = out.drain(outcome.out);
        }
        if (ready > 0 && waiting[1].revents != 0) {
            err_open = err.drain(outcome.err);
        }
        if (!out_open && !err_open) {
            if (const auto status = child.ended()) {
                return status;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

Result<ChildOutcome> run_child(const ChildCommand& command, const std::atomic<bool>* stop) {
    Pipe out;
    Pipe err;
    Pipe failure(O_NONBLOCK);
    for (const Pipe* pipe : {&out, &err, &failure}) {
        if (pipe->error() != 0) {
            return tl::unexpected(refused(pipe->error()));
        }
    }
    HEXCORE_TRY(pid, start(command, out, err, failure));
    Running child(pid);
    for (Pipe* pipe : {&out, &err, &failure}) {
        pipe->close_writing();
    }
    ChildOutcome outcome;
    const auto status = follow(child, out, err, outcome, Clock::now() + command.deadline, stop);
    int why = 0;
    if (status && ::read(failure.reading(), &why, sizeof(why)) == sizeof(why)) {
        return tl::unexpected(not_begun(command.program, why));
    }
    if (child.is_lost()) {
        return fail(ErrorCode::usage, {{Change::default_sigchld}},
                    "how {} ended is not known: this process ignores SIGCHLD, or waits for "
                    "children that it did not start",
                    command.program.string());
    }
    const bool by_the_user = status && WIFSIGNALED(*status) &&
                             (WTERMSIG(*status) == SIGINT || WTERMSIG(*status) == SIGTERM);
    if (by_the_user || (!status && stop != nullptr && stop->load())) {
        return fail(ErrorCode::interrupted, "interrupted");
    }
    if (!status) {
        outcome.end = ChildEnd::timed_out;
    } else if (WIFSIGNALED(*status)) {
        outcome.end = ChildEnd::signalled;
        outcome.signal = WTERMSIG(*status);
    } else {
        outcome.exit_code = WEXITSTATUS(*status);
    }
    return outcome;
}

bool end_with_parent(pid_t parent) {
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
}

}  // namespace hexcore
