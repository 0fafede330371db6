#include "hexcore/device/own_memory.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <latch>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/sanitized.hpp"

namespace hexcore {
namespace {

constexpr int n_threads = 24;

/// The allocator's heaps after so many threads have allocated at the same time.
int heaps_of_threads() {
    std::latch all(n_threads);
    std::vector<std::thread> threads;
    for (int i = 0; i < n_threads; ++i) {
        threads.emplace_back([&all] {
            const auto block = std::make_unique<std::string>(1000, 'x');
            all.arrive_and_wait();
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* file = ::open_memstream(&text, &size);
    ::malloc_info(0, file);
    std::fclose(file);
    int heaps = 0;
    const std::string_view mark = "<heap nr=";
    const std::string_view told(text, size);
    for (std::size_t at = told.find(mark); at != std::string_view::npos;
         at = told.find(mark, at + 1)) {
        ++heaps;
    }
    std::free(text);
    return heaps;
}

/// What `work` gives in a process of its own, whose allocator nobody has set up before.
template <typename Work>
int in_a_process(Work work) {
    const pid_t child = ::fork();
    if (child == 0) {
        ::_exit(work());
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(OwnMemory, ThreadsShareFewHeapsOnceTheyAreToldTo) {
    if (test::sanitized) {
        GTEST_SKIP() << "a sanitizer's allocator has no heaps to share";
    }
    ASSERT_GT(in_a_process(heaps_of_threads), 4) << "otherwise this shows nothing";
    const int shared = in_a_process([] {
        share_heaps();
        return heaps_of_threads();
    });
    EXPECT_GE(shared, 1);
    EXPECT_LE(shared, 4);
}

}  // namespace
}  // namespace hexcore
