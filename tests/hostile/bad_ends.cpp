#include <pthread.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <thread>

#include "hostile/bad_things.hpp"

namespace hostile {
namespace {

template <int signal>
void raise_signal() {
    ::signal(signal, SIG_DFL);
    ::kill(::getpid(), signal);
    ::pause();
}

int overflow_stack(int depth) {  // NOLINT(misc-no-recursion)
    std::array<char, 4096> page{};
    volatile char* const start = page.data();
    *start = static_cast<char>(depth);
    return overflow_stack(depth + 1) + *start;
}

void free_twice() {
    void* volatile block = std::malloc(32);
    std::free(block);
    std::free(block);  // NOLINT(clang-analyzer-unix.Malloc)
}

class Unfinished {
public:
    Unfinished() { call(); }
    virtual ~Unfinished() = default;
    void call() { missing(); }
    virtual void missing() = 0;
};
class Finished : public Unfinished {
    void missing() override {}
};

void throw_through_noexcept() noexcept {
    const auto thrower = [] { throw std::runtime_error("thrown"); };
    thrower();
}

void throw_in_thread() {
    std::thread([] { throw std::runtime_error("thrown in a thread"); }).join();
}

void become_true() { ::execl("/bin/true", "true", static_cast<char*>(nullptr)); }

void become_false() { ::execl("/bin/false", "false", static_cast<char*>(nullptr)); }

void stop_supervising() {
    ::kill(::getppid(), SIGKILL);
    ::sleep(1);  // time enough to be ended, where that is the parent's end
}

void use_up_cpu_limit() {
    const rlimit limit{1, 1};
    ::setrlimit(RLIMIT_CPU, &limit);
    for (std::atomic<int> number = 0;; ++number) {
    }
}

void write_past_file_limit() {
    const rlimit limit{4096, 4096};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    char name[] = "/tmp/hostile-XXXXXX";
    const int file = ::mkstemp(name);
    ::unlink(name);
    const std::array<char, 8192> bytes{};
    for (int i = 0; i < 4; ++i) {
        (void)!::write(file, bytes.data(), bytes.size());
    }
}

void crash_in_thread() {
    std::thread([] { ::raise(SIGSEGV); }).join();
}

void fail_in_child_of_fork() {
    // The child is the test, too: what it throws ends a copy of the whole program.
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(9);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
}

void die_at_exit() {
    std::atexit([] { ::raise(SIGABRT); });
}

}  // namespace

std::vector<BadThing> bad_signals() {
    const auto dies = [](const char* name, void (*act)()) {
        return BadThing{.name = name, .act = act, .verdict = "crashed"};
    };
    return {
        dies("dies of SIGILL", raise_signal<SIGILL>),
        dies("dies of SIGFPE", raise_signal<SIGFPE>),
        dies("dies of SIGBUS", raise_signal<SIGBUS>),
        dies("dies of SIGTRAP", raise_signal<SIGTRAP>),
        dies("dies of SIGSYS", raise_signal<SIGSYS>),
        dies("dies of SIGKILL", raise_signal<SIGKILL>),
        dies("dies of SIGTERM", raise_signal<SIGTERM>),
        dies("dies of SIGINT", raise_signal<SIGINT>),
        dies("dies of SIGHUP", raise_signal<SIGHUP>),
        dies("dies of SIGQUIT", raise_signal<SIGQUIT>),
        dies("dies of SIGPIPE", raise_signal<SIGPIPE>),
        dies("dies of SIGALRM", raise_signal<SIGALRM>),
        dies("dies of SIGUSR1", raise_signal<SIGUSR1>),
        dies("kills its process group", [] { ::kill(0, SIGKILL); }),
        {.name = "kills its parent", .act = stop_supervising, .verdict = "crashed|failed|passed"},
        {.name = "uses up a limit of processor time",
         .act = use_up_cpu_limit,
         .verdict = "crashed"},
        {.name = "writes past a limit of file sizes",
         .act = write_past_file_limit,
         .verdict = "crashed"},
    };
}

std::vector<BadThing> bad_ends() {
    return {
        {.name = "reads a null pointer",
         .act = [] { (void)*static_cast<volatile int*>(nullptr); },
         .verdict = "crashed"},
        {.name = "aborts", .act = [] { std::abort(); }, .verdict = "crashed"},
        {.name = "overflows its stack",
         .act = [] { (void)overflow_stack(0); },
         .verdict = "crashed"},
        {.name = "frees twice", .act = free_twice, .verdict = "crashed"},
        {.name = "calls what is purely virtual",
         .act = [] { (void)Finished(); },
         .verdict = "crashed"},
        {.name = "throws through noexcept", .act = throw_through_noexcept, .verdict = "crashed"},
        {.name = "throws in a thread", .act = throw_in_thread, .verdict = "crashed"},
        {.name = "crashes in a thread", .act = crash_in_thread, .verdict = "crashed"},
        {.name = "throws an int", .act = [] { throw 3; }, .verdict = "failed"},
        {.name = "fails", .act = [] { throw Failed{"as it should"}; }, .verdict = "failed"},
        {.name = "skips", .act = [] { throw Skipped{"nothing to do"}; }, .verdict = "skipped"},
        {.name = "exits with 0",
         .act = [] { std::exit(0); },
         .verdict = "crashed",
         .by_exit = "passed"},
        {.name = "exits with 0 at once",
         .act = [] { ::_exit(0); },
         .verdict = "crashed",
         .by_exit = "passed"},
        {.name = "exits quickly with 0",
         .act = [] { std::quick_exit(0); },
         .verdict = "crashed",
         .by_exit = "passed"},
        {.name = "exits with 3",
         .act = [] { std::exit(3); },
         .verdict = "crashed",
         .by_exit = "failed"},
        {.name = "exits with 255",
         .act = [] { ::_exit(255); },
         .verdict = "crashed",
         .by_exit = "failed"},
        {.name = "ends its main thread",
         .act = [] { ::pthread_exit(nullptr); },
         .verdict = "crashed",
         .by_exit = "passed|crashed"},
        {.name = "terminates", .act = [] { std::terminate(); }, .verdict = "crashed"},
        {.name = "becomes another program",
         .act = become_true,
         .verdict = "crashed",
         .by_exit = "passed"},
        {.name = "becomes a program that fails",
         .act = become_false,
         .verdict = "crashed",
         .by_exit = "failed"},
        {.name = "has a child that fails, which is no matter",
         .act = fail_in_child_of_fork,
         .verdict = "passed"},
        {.name = "dies after it has passed", .act = die_at_exit, .verdict = "crashed"},
    };
}

}  // namespace hostile
