#include "hexcore/cage/supervisor/launch.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "hexcore/cage/supervisor/left_behind.hpp"

namespace hexcore {
namespace {

void tell(int telling, const SupervisorMessage& message) {
    (void)!::write(telling, &message, sizeof(message));
}

/// False: it is gone.
bool tell_starter(int control, const SupervisorMessage& message) {
    return ::send(control, &message, sizeof(message), MSG_NOSIGNAL) == sizeof(message);
}

bool keep_data_limit(const SupervisorTask& task) {
    const rlimit limit{task.data_limit.value_or(0), task.data_limit.value_or(0)};
    return !task.data_limit || ::setrlimit(RLIMIT_DATA, &limit) == 0;
}

/// What a command is started with.
struct CommandStart {
    const SupervisorTask& task;
    pid_t supervisor;
    int telling;
    const sigset_t& signals_before;
    bool has_begun = false;
};

/// In the memory of its parent, which waits until it is the program. Does not return.
int become_command(void* given) {
    auto& start = *static_cast<CommandStart*>(given);
    const SupervisorTask& task = start.task;
    SupervisorStage stage = SupervisorStage::program;
    const auto done = [&](SupervisorStage next, bool success) {
        stage = next;
        return success;
    };
    if (done(SupervisorStage::program, task.foreground || ::setsid() >= 0) &&
        done(SupervisorStage::folder, task.folder == nullptr || ::chdir(task.folder) == 0) &&
        done(SupervisorStage::control_group, enter_groups(task, 0)) &&
        done(SupervisorStage::limits, keep_data_limit(task))) {
        stage = SupervisorStage::program;
        // Before it is the program, which may kill whoever would say it later, and past the
        // supervisor, which is among those.
        const SupervisorMessage started{
            .note = SupervisorNote::started, .pid = ::getpid(), .code = start.supervisor};
        tell(start.telling, started);
        (void)tell_starter(task.control, started);
        if (task.turns) {
            take_turns(*task.turns);
        }
        start.has_begun = true;
        ::sigprocmask(SIG_SETMASK, &start.signals_before, nullptr);
        ::execvp(task.command[0], task.command);
    }
    start.has_begun = false;
    tell(start.telling, {.note = SupervisorNote::not_begun, .code = errno, .stage = stage});
    ::_exit(127);
}

/// Without a copy of this process's memory, which it would not use. -1: errno says why not.
pid_t start_command(CommandStart& start) {
    // Where the program is a script without a first line for it, its words are put there once more.
    constexpr std::size_t least_size = std::size_t{256} * 1024;
    std::size_t words = 0;
    while (start.task.command[words] != nullptr) {
        ++words;
    }
    const std::size_t size = least_size + words * sizeof(char*);
    void* stack = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) {
        return -1;
    }
    constexpr std::size_t alignment = 64;
    char* top = static_cast<char*>(stack) + (size - size % alignment);
    return ::clone(become_command, top, CLONE_VM | CLONE_VFORK | SIGCHLD, &start);
}

/// Tells the starter how it ended and what it left, past the supervisor, which has to know before:
/// the starter may close its socket then, and give the control group to another command. False: the
/// starter is gone.
bool tell_all(const SupervisorTask& task, int telling, const SupervisorMessage& ended) {
    constexpr SupervisorMessage done{.note = SupervisorNote::done};
    tell(telling, done);
    (void)tell_starter(task.control, ended);
    tell_own_shares(
        [&](const SupervisorMessage& share) { (void)tell_starter(task.control, share); });
    return tell_starter(task.control, done);
}

/// Returns once the command has ended, with the message of that.
SupervisorMessage wait_for(pid_t command, const SupervisorTask& task, int telling) {
    rusage usage{};
    int status = 0;
    while (true) {
        const pid_t ended = ::wait4(-1, &status, task.foreground ? WUNTRACED : 0, &usage);
        if (ended == command && !WIFSTOPPED(status)) {
            return end_message(command, status, usage);
        }
        if (ended == command) {
            tell(telling,
                 {.note = SupervisorNote::stopped, .pid = command, .code = WSTOPSIG(status)});
        } else if (ended < 0 && errno != EINTR) {
            ::_exit(0);
        }
    }
}

}  // namespace

void be_parent_of_command(SupervisorTask& task, pid_t supervisor, int telling,
                          const sigset_t& signals_before) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point began = Clock::now();
    const bool ends_it = task.own_shares && !task.foreground && !task.keeps;
    if (ends_it) {
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    }
    CommandStart start{task, supervisor, telling, signals_before};
    const pid_t command = start_command(start);
    task.taken.reset();
    if (command < 0) {
        tell(telling, {.note = SupervisorNote::not_begun, .code = errno});
        ::_exit(0);
    }
    // It has nothing of the command's: who reads its output waits for the command alone. And the
    // socket is to end with the supervisor.
    if (!task.foreground) {
        ::close(STDOUT_FILENO);
        ::close(STDERR_FILENO);
    }
    if (!ends_it) {
        ::close(task.control);
    }
    SupervisorMessage ended = wait_for(command, task, telling);
    ended.duration_ns =
        static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - began).count());
    tell(telling, ended);
    int status = 0;
    if (ends_it && start.has_begun && ::waitpid(-1, &status, WNOHANG) < 0 && errno == ECHILD) {
        ::_exit(tell_all(task, telling, ended) ? exit_code_all_told : 0);
    }
    ::_exit(0);
}

bool enter_groups(const SupervisorTask& task, pid_t pid) {
    std::array<char, 16> text{};
    const int size = std::snprintf(text.data(), text.size(), "%d", pid);
    for (const char* group : task.groups) {
        const int file = ::open(group, O_WRONLY | O_CLOEXEC);
        const bool taken =
            file >= 0 && ::write(file, text.data(), static_cast<std::size_t>(size)) == size;
        const int why = errno;
        ::close(file);
        if (!taken) {
            errno = why;
            return false;
        }
    }
    return true;
}

SupervisorMessage end_message(pid_t pid, int status, const rusage& usage) {
    constexpr std::uint64_t ns_per_s = 1'000'000'000;
    const auto ns_of = [](const timeval& time) {
        return static_cast<std::uint64_t>(time.tv_sec) * ns_per_s +
               static_cast<std::uint64_t>(time.tv_usec) * 1000;
    };
    return {.note = SupervisorNote::ended,
            .pid = pid,
            .code = status,
            .bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024,
            .processor_ns = ns_of(usage.ru_utime) + ns_of(usage.ru_stime)};
}

pid_t launch_command(SupervisorTask& task, int telling, const sigset_t& signals_before) {
    const pid_t supervisor = ::getpid();
    const pid_t parent = ::fork();
    if (parent == 0) {
        be_parent_of_command(task, supervisor, telling, signals_before);
    }
    return parent;
}

}  // namespace hexcore
