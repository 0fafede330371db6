#include "hexcore/process/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
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

/// Both ends of a pipe; they close themselves, and no program that is started inherits them.
class Pipe {
public:
    Pipe() { error_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0 ? 0 : errno; }
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
        const std::size_t room = kept_bytes - std::min(kept_bytes, into.size());
        into.append(bytes.data(),
                    std::min(room, static_cast<std::size_t>(std::max<ssize_t>(count, 0))));
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

/// posix_spawn's two lists: what happens to descriptors, and to signals.
class SpawnSettings {
public:
    SpawnSettings() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
        sigset_t signals;
        sigfillset(&signals);
        posix_spawnattr_setsigdefault(&attributes_, &signals);
        sigemptyset(&signals);
        posix_spawnattr_setsigmask(&attributes_, &signals);
        posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    void connect(int target, int source) {
        posix_spawn_file_actions_adddup2(&actions_, source, target);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

/// A process that was started and not yet waited for; killed where nobody does.
class Running {
public:
    explicit Running(pid_t pid) : pid_(pid) {}
    ~Running() { kill(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    /// waitpid's status once it has ended. Somebody else's wait counts as an exit without a code.
    std::optional<int> ended() {
        int status = 0;
        const pid_t waited = ::waitpid(pid_, &status, WNOHANG);
        if (waited == 0 || (waited < 0 && errno == EINTR)) {
            return std::nullopt;
        }
        pid_ = -1;
        return waited < 0 ? 0x7f00 : status;
    }
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
};

Result<pid_t> start(const ChildCommand& command, const Pipe& out, const Pipe& err) {
    SpawnSettings settings;
    settings.connect(STDOUT_FILENO, out.writing());
    settings.connect(STDERR_FILENO, err.writing());
    std::string program = command.program.string();
    std::vector<std::string> words = command.arguments;
    std::vector<char*> arguments{program.data()};
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int error = ::posix_spawn(&pid, program.c_str(), settings.actions(),
                                    settings.attributes(), arguments.data(), environ);
    if (error != 0) {
        return tl::unexpected(refused(error));
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
    if (out.error() != 0 || err.error() != 0) {
        return tl::unexpected(refused(out.error() != 0 ? out.error() : err.error()));
    }
    HEXCORE_TRY(pid, start(command, out, err));
    Running child(pid);
    out.close_writing();
    err.close_writing();
    ChildOutcome outcome;
    const auto status = follow(child, out, err, outcome, Clock::now() + command.deadline, stop);
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
