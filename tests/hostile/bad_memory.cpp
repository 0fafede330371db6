#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "hostile/bad_things.hpp"

namespace hostile {
namespace {

constexpr std::size_t mebibyte = 1U << 20U;
/// Of budgets of 48 MiB.
constexpr std::size_t too_much = 160 * mebibyte;
constexpr std::size_t little = 8 * mebibyte;

/// Whoever is over a budget stays so until that is noticed.
[[noreturn]] void stay_over() {
    while (true) {
        ::pause();
    }
}

char* map(std::size_t bytes, int flags, int descriptor = -1) {
    void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, descriptor, 0);
    if (memory == MAP_FAILED) {
        throw Failed{"mmap is refused"};
    }
    return static_cast<char*>(memory);
}

void take(std::size_t bytes) { std::memset(map(bytes, MAP_PRIVATE | MAP_ANONYMOUS), 1, bytes); }

void take_at_once() {
    take(too_much);
    stay_over();
}

void take_slowly() {
    for (std::size_t taken = 0; taken < too_much; taken += mebibyte) {
        take(mebibyte);
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    stay_over();
}

void take_by_malloc() {
    std::vector<std::vector<char>> blocks;
    while (blocks.size() * mebibyte < too_much) {
        blocks.emplace_back(mebibyte, 'x');
    }
    stay_over();
}

void take_shared() {
    std::memset(map(too_much, MAP_SHARED | MAP_ANONYMOUS), 1, too_much);
    stay_over();
}

void take_in_a_memfd() {
    const int file = ::memfd_create("hostile", 0);
    (void)!::ftruncate(file, too_much);
    std::memset(map(too_much, MAP_SHARED, file), 1, too_much);
    stay_over();
}

void take_in_a_child() {
    if (::fork() == 0) {
        end_in_the_end();
        ::setsid();
        take(too_much);
        stay_over();
    }
    stay_over();
}

void take_in_many_children() {
    for (int i = 0; i < 20; ++i) {
        if (::fork() == 0) {
            end_in_the_end();
            take(little);
            stay_over();
        }
    }
    stay_over();
}

void take_in_threads() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 20; ++i) {
        threads.emplace_back([] {
            take(little);
            stay_over();
        });
    }
    stay_over();
}

void take_while_it_blocks_signals() {
    sigset_t all;
    sigfillset(&all);
    ::sigprocmask(SIG_SETMASK, &all, nullptr);
    take_at_once();
}

void take_and_fork_away() {
    // Each child takes a little and leaves its own child behind.
    for (int i = 0; i < 20; ++i) {
        if (::fork() != 0) {
            break;
        }
        end_in_the_end();
        ::setsid();
        take(little);
    }
    stay_over();
}

void stay_within() {
    take(little);
    ::munmap(map(mebibyte, MAP_PRIVATE | MAP_ANONYMOUS), mebibyte);
}

void leak_much() {
    static void* volatile leaked = nullptr;
    leaked = std::malloc(100 * mebibyte);
    std::memset(leaked, 1, 100 * mebibyte);
    leaked = nullptr;
}

void reserve_much() {
    (void)::mmap(nullptr, std::size_t{1} << 40U, PROT_NONE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void run_into_its_own_limit() {
    const rlimit limit{std::size_t{1} << 29U, std::size_t{1} << 29U};
    ::setrlimit(RLIMIT_AS, &limit);
    std::vector<std::vector<char>> blocks;
    while (true) {
        blocks.emplace_back(64 * mebibyte);
    }
}

void refuse_itself_files() {
    const rlimit none{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &none);
}

}  // namespace

std::vector<BadThing> bad_memory() {
    std::vector<BadThing> over{
        {.name = "takes too much at once", .act = take_at_once, .verdict = ""},
        {.name = "takes too much slowly", .act = take_slowly, .verdict = ""},
        {.name = "takes too much by malloc", .act = take_by_malloc, .verdict = ""},
        {.name = "takes too much that is shared", .act = take_shared, .verdict = ""},
        {.name = "takes too much in a memfd", .act = take_in_a_memfd, .verdict = ""},
        {.name = "takes too much in a child", .act = take_in_a_child, .verdict = ""},
        {.name = "takes too much in many children", .act = take_in_many_children, .verdict = ""},
        {.name = "takes too much in threads", .act = take_in_threads, .verdict = ""},
        {.name = "takes too much and blocks signals",
         .act = take_while_it_blocks_signals,
         .verdict = ""},
        {.name = "takes too much and forks away", .act = take_and_fork_away, .verdict = ""},
    };
    for (BadThing& thing : over) {
        thing.verdict = "over_budget";
        thing.memory = "clean|residue";
        thing.budget = "48MiB";
    }
    const std::vector<BadThing> others{
        {.name = "stays within its budget",
         .act = stay_within,
         .verdict = "passed",
         .budget = "48MiB"},
        {.name = "leaks much", .act = leak_much, .verdict = "passed"},
        {.name = "reserves a terabyte that it does not use",
         .act = reserve_much,
         .verdict = "passed"},
        {.name = "runs into its own limit of memory",
         .act = run_into_its_own_limit,
         .verdict = "failed"},
        {.name = "refuses itself files",
         .act = refuse_itself_files,
         .verdict = "crashed|failed",
         .by_exit = "passed",
         .in_catch2 = "passed"},
    };
    over.insert(over.end(), others.begin(), others.end());
    return over;
}

}  // namespace hostile
