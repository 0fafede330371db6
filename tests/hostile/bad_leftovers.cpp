#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "hostile/bad_things.hpp"

namespace hostile {
namespace {

constexpr std::size_t mebibyte = 1U << 20U;

[[noreturn]] void stay() {
    while (true) {
        ::pause();
    }
}

/// Leaves a child that does this, once it says that it has begun.
template <typename Act>
pid_t leave(Act act) {
    int begun[2];
    (void)!::pipe(begun);
    const pid_t child = ::fork();
    if (child == 0) {
        end_in_the_end();
        act();
        (void)!::write(begun[1], "x", 1);
        stay();
    }
    ::close(begun[1]);
    char byte = 0;
    (void)!::read(begun[0], &byte, 1);
    ::close(begun[0]);
    return child;
}

void take(std::size_t bytes) {
    auto* memory = static_cast<char*>(
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    std::memset(memory, 1, bytes);
}

void leave_a_daemon() {
    leave([] {
        ::setsid();
        if (::fork() != 0) {
            ::_exit(0);
        }
        end_in_the_end();
        ::setsid();
    });
}

void leave_one_with_memory() {
    leave([] {
        ::setsid();
        take(24 * mebibyte);
    });
}

void leave_one_that_is_stopped() {
    const pid_t child = leave([] { ::setsid(); });  // or the kernel would end it with its parent
    ::kill(child, SIGSTOP);
}

void leave_one_that_ignores_all() {
    leave([] {
        sigset_t all;
        sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, nullptr);
        ::setsid();
        ::prctl(PR_SET_NAME, "hexcore-supervi", 0, 0, 0);
    });
}

void leave_many() {
    for (int i = 0; i < 50; ++i) {
        if (::fork() == 0) {
            end_in_the_end();
            ::setsid();
            stay();
        }
    }
}

/// Each has two more, down to 2^6 of them.
void leave_a_small_bomb() {
    leave([] {
        for (int depth = 0; depth < 6; ++depth) {
            if (::fork() == 0) {
                end_in_the_end();
            }
        }
    });
}

void leave_zombies() {
    for (int i = 0; i < 20; ++i) {
        if (::fork() == 0) {
            ::_exit(0);
        }
    }
}

void leave_one_that_talks() {
    leave([] {
        if (::fork() == 0) {
            end_in_the_end();
            while (true) {
                (void)!::write(STDOUT_FILENO, "still here\n", 11);
                ::usleep(1000);
            }
        }
    });
}

void leave_orphans_that_it_adopts() {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    leave([] {
        if (::fork() != 0) {
            ::_exit(0);
        }
        end_in_the_end();
        ::setsid();
    });
}

void leave_a_posix_segment() {
    const std::string name = "/hostile-" + std::to_string(::getpid());
    const int segment = ::shm_open(name.c_str(), O_CREAT | O_RDWR | O_EXCL, 0600);
    (void)!::ftruncate(segment, 2 * mebibyte);
    void* memory = ::mmap(nullptr, 2 * mebibyte, PROT_READ | PROT_WRITE, MAP_SHARED, segment, 0);
    std::memset(memory, 1, 2 * mebibyte);
    // Where segments are known by being seen, it has to be there for a look.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

void leave_a_system_v_segment() {
    const int segment = ::shmget(IPC_PRIVATE, 2 * mebibyte, IPC_CREAT | 0600);
    std::memset(::shmat(segment, nullptr, 0), 1, 2 * mebibyte);
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
}

std::filesystem::path temporary() { return std::filesystem::temp_directory_path(); }

void leave_a_file() { std::ofstream(temporary() / "left") << std::string(mebibyte, 'x'); }

void leave_a_deep_folder() {
    std::filesystem::path folder = temporary();
    for (int i = 0; i < 200; ++i) {
        folder /= "deeper";
    }
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "left") << "x";
    std::filesystem::permissions(temporary() / "deeper", std::filesystem::perms::none);
}

void remove_its_own_place() {
    const std::filesystem::path place = temporary();
    for (const auto& entry : std::filesystem::directory_iterator(place)) {
        std::filesystem::remove_all(entry);
    }
    std::filesystem::remove(place);
}

void close_everything() {
    for (int descriptor = 0; descriptor < 1024; ++descriptor) {
        ::close(descriptor);
    }
}

void forget_everything() {
    ::clearenv();
    ::umask(0777);
    (void)!::chdir("/");
    ::signal(SIGCHLD, SIG_IGN);
}

void leave_threads() {
    for (int i = 0; i < 20; ++i) {
        std::thread(stay).detach();
    }
}

void leave_a_spinning_thread() {
    std::thread([] {
        for (volatile int number = 0;; number = number + 1) {
        }
    }).detach();
}

}  // namespace

std::vector<BadThing> bad_leftovers() {
    const char* residue = "residue";
    return {
        {.name = "leaves a daemon", .act = leave_a_daemon, .verdict = "passed", .memory = residue},
        {.name = "leaves one with memory",
         .act = leave_one_with_memory,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves one that is stopped",
         .act = leave_one_that_is_stopped,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves one that ignores all",
         .act = leave_one_that_ignores_all,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves many", .act = leave_many, .verdict = "passed", .memory = residue},
        {.name = "leaves a small fork bomb",
         .act = leave_a_small_bomb,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves zombies", .act = leave_zombies, .verdict = "passed"},
        {.name = "leaves one that talks",
         .act = leave_one_that_talks,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves orphans that it adopts",
         .act = leave_orphans_that_it_adopts,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves a POSIX segment",
         .act = leave_a_posix_segment,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves a System V segment",
         .act = leave_a_system_v_segment,
         .verdict = "passed",
         .memory = residue},
        {.name = "leaves a file", .act = leave_a_file, .verdict = "passed", .memory = residue},
        {.name = "leaves a deep folder",
         .act = leave_a_deep_folder,
         .verdict = "passed",
         .memory = residue},
        {.name = "removes its own place", .act = remove_its_own_place, .verdict = "passed"},
        {.name = "closes everything",
         .act = close_everything,
         .verdict = "passed",
         .in_catch2 = "crashed"},
        {.name = "forgets everything", .act = forget_everything, .verdict = "passed"},
        {.name = "leaves threads", .act = leave_threads, .verdict = "passed"},
        {.name = "leaves a spinning thread", .act = leave_a_spinning_thread, .verdict = "passed"},
    };
}

}  // namespace hostile
