#include "hexcore/cage/supervisor/misdeeds.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <string_view>

namespace hexcore {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20U;
constexpr unsigned seconds_at_most = 60;

void end_soon() { ::alarm(seconds_at_most); }

bool take_mebibytes(std::size_t count) {
    void* memory = ::mmap(nullptr, count * mebibyte, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return false;
    }
    std::memset(memory, 1, count * mebibyte);
    return true;
}

int take_at_once(int mebibytes) {
    return take_mebibytes(static_cast<std::size_t>(mebibytes)) ? 0 : 1;
}

int take_slowly(int mebibytes) {
    constexpr useconds_t pause_us = 1000;
    for (int taken = 0; taken < mebibytes; ++taken) {
        if (!take_mebibytes(1)) {
            return 1;
        }
        ::usleep(pause_us);
    }
    return 0;
}

int leave_segment(int mebibytes) {
    std::array<char, 64> name{};
    (void)std::snprintf(name.data(), name.size(), "/hexcore-doctor-%d", ::getpid());
    const int file = ::shm_open(name.data(), O_CREAT | O_EXCL | O_RDWR, 0600);
    return file >= 0 &&
                   ::posix_fallocate(
                       file, 0, static_cast<off_t>(mebibytes) * static_cast<off_t>(mebibyte)) == 0
               ? 0
               : 1;
}

void ignore_what_one_can() {
    for (int signal = 1; signal < NSIG; ++signal) {
        if (signal != SIGALRM) {
            std::signal(signal, SIG_IGN);
        }
    }
}

[[noreturn]] void stay() {
    ignore_what_one_can();
    end_soon();
    while (true) {
        ::pause();
    }
}

/// Processes without a parent, in sessions of their own; every other one is stopped. A stopped one
/// is not ended by its alarm, so it goes on when its session's first ends.
int escape(int count) {
    for (int i = 0; i < count; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::setsid();
            if (::fork() == 0) {
                if (i % 2 == 1) {
                    end_soon();
                    ::raise(SIGSTOP);
                }
                stay();
            }
            ::_exit(0);
        }
        ::waitpid(child, nullptr, 0);
    }
    return 0;
}

/// `count` processes in all, each of which starts others as fast as it can.
int fork_on(int count) {
    void* shared = ::mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        return 1;
    }
    auto* left = new (shared) std::atomic<int>(count);
    end_soon();
    while (left->fetch_sub(1) > 0) {
        const pid_t child = ::fork();
        if (child == 0) {
            end_soon();
        } else if (child < 0) {
            left->fetch_add(1);
        }
    }
    stay();
}

/// Escapes, and stays itself as well.
int escape_and_stay(int count) {
    (void)escape(count);
    stay();
}

int hang(int /*unused*/) { stay(); }

struct Misdeed {
    std::string_view name;
    int (*act)(int);
};
constexpr std::array misdeeds{Misdeed{"take", take_at_once},
                              Misdeed{"take-slowly", take_slowly},
                              Misdeed{"leave-segment", leave_segment},
                              Misdeed{"escape", escape},
                              Misdeed{"escape-and-stay", escape_and_stay},
                              Misdeed{"fork", fork_on},
                              Misdeed{"hang", hang}};

}  // namespace

int do_misdeed(const char* name, int number) {
    const auto misdeed = std::find_if(misdeeds.begin(), misdeeds.end(),
                                      [&](const Misdeed& other) { return other.name == name; });
    constexpr int wrong_words = 2;
    return misdeed == misdeeds.end() ? wrong_words : misdeed->act(number);
}

}  // namespace hexcore
