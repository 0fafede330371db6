#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <thread>

#include "hostile/bad_things.hpp"

namespace hostile {
namespace {

[[noreturn]] void wait_forever() {
    while (true) {
        ::pause();
    }
}

void ignore_requests() {
    for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCONT}) {
        ::signal(signal, SIG_IGN);
    }
    wait_forever();
}

void block_all_signals() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    wait_forever();
}

void spin() {
    for (std::atomic<int> number = 0;; ++number) {
    }
}

void lock_twice() {
    std::mutex mutex;
    mutex.lock();
    std::thread([&mutex] { mutex.lock(); }).join();
}

void stop_itself() {
    ::raise(SIGSTOP);
    wait_forever();
}

void stop_while_traced() {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::raise(SIGSTOP);
    wait_forever();
}

void wait_for_a_child_that_hangs() {
    const pid_t child = ::fork();
    if (child == 0) {
        ::setsid();
        ignore_requests();
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0) {
    }
    wait_forever();
}

void hang_at_exit() {
    std::atexit([] { wait_forever(); });
}

void rename_and_hang() {
    ::prctl(PR_SET_NAME, "a) R 1 1 1 (", 0, 0, 0);
    ignore_requests();
}

void restart_at_each_request() {
    ::signal(SIGTERM, [](int) {
        if (::fork() != 0) {
            ::_exit(0);
        }
    });
    wait_forever();
}

void end_well_when_asked() {
    ::signal(SIGTERM, [](int) { ::_exit(0); });
    wait_forever();
}

void talk_forever() {
    const std::string line(1000, 'x');
    while (true) {
        (void)!::write(STDOUT_FILENO, line.data(), line.size());
        ::usleep(100);
    }
}

}  // namespace

std::vector<BadThing> bad_hangs() {
    std::vector<BadThing> things{
        {.name = "waits forever", .act = wait_forever, .verdict = "timed_out"},
        {.name = "ignores requests to end", .act = ignore_requests, .verdict = "timed_out"},
        {.name = "blocks all signals", .act = block_all_signals, .verdict = "timed_out"},
        {.name = "spins", .act = spin, .verdict = "timed_out"},
        {.name = "waits for itself", .act = lock_twice, .verdict = "timed_out"},
        {.name = "stops itself", .act = stop_itself, .verdict = "timed_out"},
        {.name = "stops itself while it is traced",
         .act = stop_while_traced,
         .verdict = "timed_out"},
        {.name = "waits for a child that hangs",
         .act = wait_for_a_child_that_hangs,
         .verdict = "timed_out"},
        {.name = "hangs at exit", .act = hang_at_exit, .verdict = "timed_out"},
        {.name = "renames itself and hangs", .act = rename_and_hang, .verdict = "timed_out"},
        {.name = "starts again when it is asked to end",
         .act = restart_at_each_request,
         .verdict = "timed_out"},
        {.name = "ends well when it is asked to end",
         .act = end_well_when_asked,
         .verdict = "timed_out"},
        {.name = "talks forever without a line end", .act = talk_forever, .verdict = "timed_out"},
    };
    for (BadThing& thing : things) {
        thing.hangs = true;
        thing.memory = "clean|residue";  // what it has beside itself when it is ended
    }
    return things;
}

}  // namespace hostile
