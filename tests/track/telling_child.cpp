// A program that tells of itself: telling_child WHAT [COUNT].
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "hexcore/tracker.h"

namespace {

/// Called by each operator new.
void (*on_new)() = nullptr;

}  // namespace

void* operator new(std::size_t size) {
    if (on_new != nullptr) {
        on_new();
    }
    void* memory = std::malloc(size);
    if (memory == nullptr) {
        std::abort();
    }
    return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t /*size*/) noexcept { std::free(memory); }

namespace {

constexpr std::uint64_t mib = 1U << 20U;

/// A step of each kind: 3 MiB of buffers stay.
void story() {
    const hexcore_holder holder = hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, "host", 100 * mib);
    hexcore_mark("begun");
    for (std::uint64_t step = 1; step <= 3; ++step) {
        hexcore_label_begin("step");
        hexcore_allocated(holder, step, mib, "buffers");
        hexcore_label_begin("inner");
        hexcore_allocated(holder, 100, 5 * mib, "scratch");
        hexcore_released(holder, 100);
        hexcore_label_end();
        hexcore_label_end();
    }
    const std::array<const char*, 2> names{"allocated", "cache"};
    const std::array<std::uint64_t, 2> bytes{7 * mib, 2 * mib};
    hexcore_amounts(hexcore_holder_open(HEXCORE_HOLDER_PYTORCH, "cuda:0", 0), 2, names.data(),
                    bytes.data());
}

/// Steps of more than 10 ms, each of which leaves 1 MiB behind; it tells sums alone.
void sums(std::uint64_t count) {
    const hexcore_holder holder = hexcore_holder_open(HEXCORE_HOLDER_PYTORCH, "cuda:0", 0);
    const char* name = "allocated";
    for (std::uint64_t step = 1; step <= count; ++step) {
        hexcore_label_begin("step");
        const std::uint64_t bytes = step * mib;
        hexcore_amounts(holder, 1, &name, &bytes);
        hexcore_label_end();
        const timespec time{0, 11'000'000};
        ::nanosleep(&time, nullptr);
    }
}

/// Both tell, the child under a label that began before it was there.
void forked() {
    hexcore_label_begin("parent");
    const pid_t child = ::fork();
    const char* name = child == 0 ? "child" : "after the fork";
    hexcore_mark(name);
    const hexcore_holder holder = hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, "host", 0);
    hexcore_allocated(holder, 1, mib, name);
    if (child == 0) {
        ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
    hexcore_label_end();
}

/// Each thread has its own labels.
void threads(std::uint64_t count) {
    const hexcore_holder holder = hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, "host", 0);
    std::vector<std::thread> all;
    for (std::uint64_t thread = 1; thread <= 4; ++thread) {
        all.emplace_back([=] {
            const std::string name = "thread " + std::to_string(thread);
            hexcore_label_begin(name.c_str());
            for (std::uint64_t i = 0; i < count; ++i) {
                hexcore_allocated(holder, thread << 32U | i, thread, name.c_str());
            }
            hexcore_label_end();
        });
    }
    for (std::thread& thread : all) {
        thread.join();
    }
}

/// As many as it can. Prints the microseconds of CPU time that all of them took.
void flood(std::uint64_t count) {
    const hexcore_holder holder = hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, "host", 0);
    const std::clock_t before = std::clock();
    for (std::uint64_t i = 0; i < count; ++i) {
        hexcore_allocated(holder, i, 100, "flood");
        hexcore_released(holder, i);
    }
    std::printf("%ld\n", static_cast<long>((std::clock() - before) * 1'000'000 / CLOCKS_PER_SEC));
}

/// The names of threads and labels, sizes and purposes that nobody should believe.
void hostile() {
    const std::string huge(1U << 20U, '<');
    const hexcore_holder holder = hexcore_holder_open(77, huge.c_str(), ~0ULL);
    for (const char* name : {huge.c_str(), "\x1b[31m\n\r<script>", "\xff\xfe", ""}) {
        hexcore_label_begin(name);
        hexcore_mark(name);
        hexcore_allocated(holder, 1, ~0ULL, name);
    }
    hexcore_label_begin(nullptr);
    hexcore_released(holder, 12345);
    hexcore_released(holder + 7, 1);
    for (int i = 0; i < 200; ++i) {
        hexcore_label_begin("deep");
    }
    for (int i = 0; i < 300; ++i) {
        hexcore_label_end();
    }
    hexcore_mark("survived");
}

/// Tells until it is told to end.
void forever(std::uint64_t /*count*/) {
    const hexcore_holder holder = hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, "host", 0);
    for (std::uint64_t i = 0;; ++i) {
        hexcore_label_begin("step");
        hexcore_allocated(holder, i % 1000, i % 1000, "buffers");
        hexcore_label_end();
    }
}

/// Ends by a signal that leaves it no time.
void killed(std::uint64_t /*count*/) {
    story();
    std::raise(SIGKILL);
}

/// Says when it has told, and goes on once it is allowed to.
void waits(std::uint64_t /*count*/) {
    story();
    std::puts("told");
    std::fflush(stdout);
    (void)std::getchar();
    hexcore_mark("went on");
    std::printf("watched %d\n", hexcore_watched());
}

/// Its operator new tells, and forks, also where telling takes memory itself.
void from_new(std::uint64_t /*count*/) {
    constexpr unsigned most_seconds = 60;
    ::alarm(most_seconds);  // rather than waiting for itself
    const char* device = "a name for which a string takes memory";
    on_new = [] { hexcore_mark("while telling"); };
    (void)hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, device, 0);
    static pid_t child = -1;
    on_new = [] {
        on_new = nullptr;
        child = ::fork();
    };
    (void)hexcore_holder_open(HEXCORE_HOLDER_PROGRAM, device, 0);
    hexcore_mark(child == 0 ? "child" : "after the fork");
    if (child == 0) {
        ::_exit(hexcore_watched());
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    hexcore_mark(status == 0 ? "the child ended well" : "the child did not end well");
}

void executes(std::uint64_t /*count*/) {
    hexcore_mark("before");
    ::execl("/proc/self/exe", "telling_child", "story", nullptr);
}

const std::array<std::pair<const char*, std::function<void(std::uint64_t)>>, 11> stories{
    {{"story", [](std::uint64_t) { story(); }},
     {"forked", [](std::uint64_t) { forked(); }},
     {"threads", threads},
     {"flood", flood},
     {"sums", sums},
     {"hostile", [](std::uint64_t) { hostile(); }},
     {"forever", forever},
     {"killed", killed},
     {"waits", waits},
     {"from_new", from_new},
     {"executes", executes}}};

}  // namespace

int main(int argc, char** argv) {
    for (const auto& [name, tell] : stories) {
        if (argc > 1 && std::strcmp(argv[1], name) == 0) {
            tell(argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1);
            return 0;
        }
    }
    return 2;
}
