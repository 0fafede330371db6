#include "hexcore/cage/supervisor/launch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace hexcore {
namespace {

void tell(int pipe, const SupervisorMessage& message) {
    (void)!::write(pipe, &message, sizeof(message));
}

bool keep_data_limit(const SupervisorTask& task) {
    const rlimit limit{task.data_limit.value_or(0), task.data_limit.value_or(0)};
    return !task.data_limit || ::setrlimit(RLIMIT_DATA, &limit) == 0;
}

/// Does not return.
void become_command(const SupervisorTask& task, pid_t supervisor, int telling,
                    const sigset_t& signals_before) {
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
            .note = SupervisorNote::started, .pid = ::getpid(), .code = supervisor};
        tell(telling, started);
        (void)::send(task.control, &started, sizeof(started), MSG_NOSIGNAL);
        ::sigprocmask(SIG_SETMASK, &signals_before, nullptr);
        ::execvp(task.command[0], task.command);
    }
    tell(telling, {.note = SupervisorNote::not_begun, .code = errno, .stage = stage});
    ::_exit(127);
}

/// What the parent of the command does. Does not return.
void wait_for_command(pid_t command, const SupervisorTask& task, int telling) {
    // It has nothing of the command's: who reads its output waits for the command alone. And the
    // socket is to end with the supervisor.
    ::close(task.control);
    if (!task.foreground) {
        ::close(STDOUT_FILENO);
        ::close(STDERR_FILENO);
    }
    rusage usage{};
    int status = 0;
    pid_t waited = 0;
    while ((waited = ::wait4(command, &status, task.foreground ? WUNTRACED : 0, &usage)) ==
               command &&
           WIFSTOPPED(status)) {
        tell(telling, {.note = SupervisorNote::stopped, .pid = command, .code = WSTOPSIG(status)});
    }
    if (waited == command) {
        tell(telling, end_message(command, status, usage));
    }
    ::_exit(0);
}

}  // namespace

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

pid_t launch_command(const SupervisorTask& task, int telling, const sigset_t& signals_before) {
    const pid_t supervisor = ::getpid();
    const pid_t parent = ::fork();
    if (parent != 0) {
        return parent;
    }
    const pid_t command = ::fork();
    if (command == 0) {
        become_command(task, supervisor, telling, signals_before);
    }
    if (command < 0) {
        tell(telling, {.note = SupervisorNote::not_begun, .code = errno});
        ::_exit(0);
    }
    wait_for_command(command, task, telling);
    return -1;
}

}  // namespace hexcore
