#include "hexcore/process/child_start.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

extern char** environ;

namespace hexcore {
namespace {

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

/// What the child does before it is the program. Threads that it does not have may hold locks, so
/// this is system calls alone.
class Beginning {
public:
    explicit Beginning(const ChildStart& start)
        : start_(start),
          program_(start.program.string()),
          name_(start.name.empty() ? program_ : start.name),
          words_(start.arguments),
          variables_(start.more_variables) {
        arguments_.push_back(name_.data());
        for (std::string& word : words_) {
            arguments_.push_back(word.data());
        }
        arguments_.push_back(nullptr);
        for (std::string& variable : variables_) {
            environment_.push_back(variable.data());
        }
        for (char** variable = environ; *variable != nullptr; ++variable) {
            if (!is_replaced(*variable)) {
                environment_.push_back(*variable);
            }
        }
        environment_.push_back(nullptr);
    }

    /// Does not return; why it could not is written to `failure`.
    void become_program(const Pipe& failure) const {
        const bool grouped = start_.group == ChildGroup::of_parent || ::setpgid(0, 0) == 0;
        const bool set = start_.setting == ChildSetting::plain
                             ? makes_plain()
                             : ::sigprocmask(SIG_SETMASK, start_.held_signals, nullptr) == 0;
        if (grouped && set) {
            ::execvpe(program_.c_str(), arguments_.data(), environment_.data());
        }
        const int why = errno;
        (void)!::write(failure.writing(), &why, sizeof(why));
        ::_exit(127);
    }

private:
    /// Sets signals, stdin, stdout and stderr.
    [[nodiscard]] bool makes_plain() const {
        for (int signal = 1; signal < NSIG; ++signal) {
            ::signal(signal, SIG_DFL);
        }
        sigset_t none;
        sigemptyset(&none);
        const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
        return nothing >= 0 && connect(nothing, STDIN_FILENO) &&
               connect(start_.out, STDOUT_FILENO) && connect(start_.err, STDERR_FILENO) &&
               ::sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
    }
    [[nodiscard]] bool is_replaced(std::string_view variable) const {
        const std::string_view begin = variable.substr(0, variable.find('=') + 1);
        return std::ranges::any_of(
            variables_, [begin](const std::string& other) { return other.starts_with(begin); });
    }
    /// Two that are one already only stay open.
    static bool connect(int source, int target) {
        return source == target ? ::fcntl(target, F_SETFD, 0) == 0 : ::dup2(source, target) >= 0;
    }

    const ChildStart& start_;
    std::string program_;
    std::string name_;
    std::vector<std::string> words_;
    std::vector<std::string> variables_;
    std::vector<char*> arguments_;
    std::vector<char*> environment_;
};

}  // namespace

Pipe::Pipe(int flags) { error_ = ::pipe2(ends_.data(), O_CLOEXEC | flags) == 0 ? 0 : errno; }

Pipe::~Pipe() {
    close(0);
    close(1);
}

bool Pipe::read_some(std::string& into) {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(ends_[0], bytes.data(), bytes.size());
    if (count == 0 || (count < 0 && errno != EINTR)) {
        close(0);
        return false;
    }
    into.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return true;
}

void Pipe::close(std::size_t end) {
    if (ends_[end] >= 0) {
        ::close(ends_[end]);
        ends_[end] = -1;
    }
}

std::optional<int> Running::ended() {
    int status = 0;
    const pid_t waited = ::waitpid(pid_, &status, WNOHANG);
    if (waited == 0 || (waited < 0 && errno == EINTR)) {
        return std::nullopt;
    }
    pid_ = -1;
    is_lost_ = waited < 0;
    return is_lost_ ? 0 : status;
}

void Running::kill() {
    if (pid_ < 0) {
        return;
    }
    ::kill(pid_, SIGKILL);
    constexpr int looks = 20;
    constexpr int look_ms = 50;
    for (int i = 0; i < looks && !ended(); ++i) {
        ::poll(nullptr, 0, look_ms);
    }
}

/// By fork(): posix_spawn() returns only once the child has become the program, and a child that is
/// stopped or hangs before that would take its parent with it.
Result<pid_t> start_child(const ChildStart& start, const Pipe& failure) {
    const Beginning beginning(start);
    const SignalsHeld held;
    const pid_t pid = ::fork();
    if (pid == 0) {
        beginning.become_program(failure);
    }
    if (pid < 0) {
        return tl::unexpected(refused_process(errno));
    }
    return pid;
}

std::optional<Error> not_begun(const std::filesystem::path& program, const Pipe& failure) {
    int why = 0;
    if (::read(failure.reading(), &why, sizeof(why)) != sizeof(why)) {
        return std::nullopt;
    }
    constexpr std::array of_the_program{ENOENT, EACCES, ENOTDIR, ENOEXEC,
                                        EPERM,  EISDIR, ELOOP,   ENAMETOOLONG};
    if (std::find(of_the_program.begin(), of_the_program.end(), why) == of_the_program.end()) {
        return refused_process(why);
    }
    return Error{ErrorCode::usage,
                 fmt::format("{} cannot be started: {}", program.string(), std::strerror(why))};
}

Error refused_process(int error_number) {
    return {ErrorCode::does_not_fit,
            fmt::format("the system does not start another process: {}; raise the limit that is in "
                        "the way (ulimit -u, ulimit -n, memory)",
                        std::strerror(error_number))};
}

Error end_is_lost(const std::filesystem::path& program) {
    return {ErrorCode::usage,
            fmt::format("how {} ended is not known: this process ignores SIGCHLD, or waits for "
                        "children that it did not start",
                        program.string()),
            {{Change::default_sigchld}}};
}

}  // namespace hexcore
