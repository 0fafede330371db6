#include "hexcore/process/foreground_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>

#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr std::array passed_on{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

sigset_t signals_of_a_command() {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : passed_on) {
        sigaddset(&set, signal);
    }
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGCONT);
    return set;
}

/// Whether this process has just been told to go on after it was stopped.
bool goes_on_again() {
    sigset_t pending;
    ::sigpending(&pending);
    return sigismember(&pending, SIGCONT) == 1;
}

/// Waits for one of the files up to then.
void wait_for_files(std::span<pollfd> files, steady_clock::time_point until) {
    const auto left = std::max(nanoseconds(0), nanoseconds(until - steady_clock::now()));
    constexpr std::int64_t second = 1'000'000'000;
    const timespec time{left.count() / second, left.count() % second};
    if (::ppoll(files.data(), files.size(), &time, nullptr) <= 0) {
        for (pollfd& file : files) {
            file.revents = 0;
        }
    }
}

}  // namespace

Result<std::unique_ptr<ForegroundCommand>> ForegroundCommand::start(
    const std::vector<std::string>& words, const std::vector<std::string>& more_variables) {
    HEXCORE_CHECK(!words.empty(), words.size(), 1);
    auto failure = std::make_unique<Pipe>(O_NONBLOCK);
    const sigset_t taken = signals_of_a_command();
    FileDescriptor signals(::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
    if (failure->error() != 0 || !signals.is_open()) {
        return tl::unexpected(
            refused_process(failure->error() != 0 ? failure->error() : signals.open_error()));
    }
    sigset_t before;
    ::pthread_sigmask(SIG_BLOCK, &taken, &before);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    auto pid = start_child({.program = words.front(),
                            .arguments = {words.begin() + 1, words.end()},
                            .more_variables = more_variables,
                            .setting = ChildSetting::of_the_shell,
                            .held_signals = &before},
                           *failure);
    if (!pid) {
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        return tl::unexpected(pid.error());
    }
    failure->close_writing();
    return std::unique_ptr<ForegroundCommand>(
        new ForegroundCommand(words.front(), std::move(signals), std::move(failure), *pid, before));
}

ForegroundCommand::ForegroundCommand(std::string program, FileDescriptor signals,
                                     std::unique_ptr<Pipe> failure, pid_t pid,
                                     const sigset_t& before)
    : program_(std::move(program)),
      signals_(std::move(signals)),
      failure_(std::move(failure)),
      pid_(pid),
      before_(before) {}

ForegroundCommand::~ForegroundCommand() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    // What came after its end is not this process's either.
    take_signals();
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

bool ForegroundCommand::begins() {
    while (!end_) {
        // The pipe closes when it becomes the program; before that it would tell why it does not.
        std::array<pollfd, 2> files{
            {{failure_->reading(), POLLIN, 0}, {signals_.get(), POLLIN, 0}}};
        wait_for_files(files, steady_clock::now() + std::chrono::seconds(60));
        if (files[0].revents != 0) {
            return (files[0].revents & POLLIN) == 0;
        }
        take_signals();
    }
    return false;
}

bool ForegroundCommand::wait_until(steady_clock::time_point time) {
    do {
        if (end_) {
            return true;
        }
        std::array<pollfd, 1> files{{{signals_.get(), POLLIN, 0}}};
        wait_for_files(files, time);
        if (files[0].revents != 0) {
            take_signals();
        }
    } while (steady_clock::now() < time);
    return end_.has_value();
}

void ForegroundCommand::take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        const auto number = static_cast<int>(info.ssi_signo);
        if (number == SIGCHLD) {
            wait_for_children();
        } else if (number != SIGCONT && !end_ && info.ssi_code != SI_KERNEL) {
            ::kill(pid_, number);
        }
    }
}

void ForegroundCommand::wait_for_children() {
    rusage usage{};
    int status = 0;
    pid_t ended = 0;
    while ((ended = ::wait4(-1, &status, WNOHANG | WUNTRACED, &usage)) > 0) {
        if (ended != pid_) {
            continue;
        }
        if (WIFSTOPPED(status)) {
            const int why = WSTOPSIG(status);
            const bool is_job = why == SIGTSTP || why == SIGTTIN || why == SIGTTOU;
            // Ctrl-Z stops this process, too; then it is here because both go on again.
            if (is_job && !goes_on_again()) {
                ::kill(::getpid(), SIGSTOP);
                ::kill(pid_, SIGCONT);
            }
            continue;
        }
        end_ = CommandEnd{
            .signalled = WIFSIGNALED(status),
            .code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
            .largest_process = Bytes(static_cast<std::uint64_t>(usage.ru_maxrss)) * 1024};
    }
}

Result<CommandEnd> ForegroundCommand::end() const {
    HEXCORE_CHECK(end_.has_value(), "it has not ended", pid_);
    if (auto why = not_begun(program_, *failure_)) {
        return tl::unexpected(*std::move(why));
    }
    return *end_;
}

}  // namespace hexcore
