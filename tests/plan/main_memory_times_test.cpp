#include "hexcore/plan/main_memory_times.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace hexcore {
namespace {

TEST(MainMemoryTimes, LendNothingOverASlowBus) {
    const MainMemoryTimes times{.cpu_s = 1e-3, .bus_s = 20e-3};
    for (std::size_t n = 0; n <= 16; ++n) {
        EXPECT_EQ(times.n_lent(n), 0U) << n;
    }
}

TEST(MainMemoryTimes, LendWhatTheBusBringsMeanwhile) {
    const MainMemoryTimes times{.cpu_s = 2e-3, .bus_s = 3e-3};
    EXPECT_EQ(times.n_lent(0), 0U);
    EXPECT_EQ(times.n_lent(1), 0U);
    EXPECT_EQ(times.n_lent(2), 1U);  // 3 ms in place of 4
    EXPECT_EQ(times.n_lent(3), 1U);  // 4 in place of 6
    EXPECT_EQ(times.n_lent(8), 3U);  // 10 in place of 16
}

TEST(MainMemoryTimes, LendAllWhereTheBusIsFaster) {
    const MainMemoryTimes times{.cpu_s = 10e-3, .bus_s = 1e-3};
    EXPECT_EQ(times.n_lent(1), 1U);
    EXPECT_EQ(times.n_lent(4), 4U);
}

TEST(MainMemoryTimes, NeverMakeATokenSlower) {
    for (double bus_s = 0.1e-3; bus_s < 50e-3; bus_s *= 1.3) {
        const MainMemoryTimes times{.cpu_s = 2e-3, .bus_s = bus_s};
        for (std::size_t n = 0; n <= 16; ++n) {
            const std::size_t lent = times.n_lent(n);
            ASSERT_LE(lent, n);
            const double both_s = std::max(static_cast<double>(lent) * bus_s,
                                           static_cast<double>(n - lent) * times.cpu_s);
            EXPECT_LE(both_s, static_cast<double>(n) * times.cpu_s) << bus_s << ' ' << n;
        }
    }
}

TEST(MainMemoryTimes, FetchForManyRowsOfAnExpert) {
    const MainMemoryTimes times{.cpu_s = 1e-3, .bus_s = 4e-3};
    EXPECT_FALSE(times.fetching_pays(2, 2));
    EXPECT_FALSE(times.fetching_pays(9, 2));
    EXPECT_TRUE(times.fetching_pays(10, 2));
}

}  // namespace
}  // namespace hexcore
