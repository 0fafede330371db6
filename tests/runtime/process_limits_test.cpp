#include "hexcore/runtime/process_limits.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>

#include "hexcore/base/told.hpp"

namespace hexcore {
namespace {

/// Lets this process map `more` than it has now, for the rest of its life.
void limit_address_space(Bytes more) {
    std::ifstream file("/proc/self/statm");
    std::uint64_t pages = 0;
    file >> pages;
    const rlim_t size = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + more.count();
    const rlimit limit{size, size};
    ::setrlimit(RLIMIT_AS, &limit);
}

/// Ends the process: with 0 where the demand fits.
[[noreturn]] void answer(const ProcessDemand& demand) {
    limit_address_space(100_MiB);
    ::setenv("OMP_STACKSIZE", "8M", 1);
    const auto checked = check_process_limits(demand);
    fmt::print(stderr, "{}\n", checked ? "fits" : told(checked.error()));
    ::_exit(checked ? 0 : static_cast<int>(checked.error().code));
}

constexpr int code_of_refusal = static_cast<int>(ErrorCode::does_not_fit);

TEST(ProcessLimitsDeathTest, MappingsAndStacksMustFitTogether) {
    using testing::ExitedWithCode;
    EXPECT_EXIT(answer({60_MiB, 60_MiB, 0}), ExitedWithCode(0), "fits");
    EXPECT_EXIT(answer({60_MiB, 60_MiB, 3}), ExitedWithCode(0), "fits");
    EXPECT_EXIT(answer({1_MiB, 1_MiB, 10}), ExitedWithCode(0), "fits");
    EXPECT_EXIT(answer({60_MiB, 60_MiB, 10}), ExitedWithCode(code_of_refusal),
                "10 threads with a stack of 8.0 MiB each .*take fewer or .*ulimit");
    EXPECT_EXIT(answer({120_MiB, 60_MiB, 0}), ExitedWithCode(code_of_refusal), "maps .*ulimit -v");
}

TEST(OpenmpStack, IsWhatLibgompReadsInItsVariablesOrWhatAnyThreadGets) {
    ::unsetenv("OMP_STACKSIZE");
    ::unsetenv("GOMP_STACKSIZE");
    const Bytes ordinary = openmp_stack();
    EXPECT_GE(ordinary, 64_KiB);
    ::setenv("GOMP_STACKSIZE", "3000", 1);
    EXPECT_EQ(openmp_stack(), 3000_KiB);
    ::setenv("OMP_STACKSIZE", " 20 m ", 1);
    EXPECT_EQ(openmp_stack(), 20_MiB);
    ::setenv("OMP_STACKSIZE", "1G", 1);
    EXPECT_EQ(openmp_stack(), 1_GiB);
    ::setenv("OMP_STACKSIZE", "1048576B", 1);
    EXPECT_EQ(openmp_stack(), 1_MiB);
    ::unsetenv("GOMP_STACKSIZE");
    for (const char* nonsense : {"", "much", "10 miles", "1 B", "99999999999999999999"}) {
        ::setenv("OMP_STACKSIZE", nonsense, 1);
        EXPECT_EQ(openmp_stack(), ordinary) << nonsense;
    }
    ::unsetenv("OMP_STACKSIZE");
}

}  // namespace
}  // namespace hexcore
