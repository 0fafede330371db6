#include "hexcore/plan/expert_time.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

/// A GPU that reads an expert of 1 MiB in no time worth mentioning, and main memory that takes 2 s.
std::vector<DeviceFacts> gpu_and_main_memory(double fetch_bytes_per_s) {
    DeviceFacts gpu;
    gpu.kind = DeviceKind::cuda;
    gpu.bandwidth_bytes_per_s = 1e18;
    gpu.fetch_bytes_per_s = fetch_bytes_per_s;
    DeviceFacts host;
    host.kind = DeviceKind::host;
    host.bandwidth_bytes_per_s = (1_MiB).as_double() / 2;
    return {gpu, host};
}

constexpr Counts all_in_main_memory{0, 8};

TEST(ExpertTime, OfMainMemoryIsTheCpusWhereNothingIsFetched) {
    ExpertTime time(8, 2, 1_MiB, gpu_and_main_memory(0));
    EXPECT_NEAR(time.seconds(all_in_main_memory), 4, 1e-6);
    // One of both is there in 4 of 7 choices, both in 3 of 14.
    EXPECT_NEAR(time.seconds({4, 4}), 2 * 4.0 / 7 + 4 * 3.0 / 14, 1e-6);
}

TEST(ExpertTime, IsLessWhereAGpuFetchesSomeMeanwhile) {
    ExpertTime time(8, 2, 1_MiB, gpu_and_main_memory((1_MiB).as_double() / 3));
    EXPECT_NEAR(time.seconds(all_in_main_memory), 3, 1e-6);
    EXPECT_NEAR(time.seconds({4, 4}), 2 * 4.0 / 7 + 3 * 3.0 / 14, 1e-6);
}

TEST(ExpertTime, IsTheSameWhereFetchingSavesTooLittle) {
    // 3.5 s instead of 4, which is not a seventh.
    ExpertTime time(8, 2, 1_MiB, gpu_and_main_memory((1_MiB).as_double() / 3.5));
    EXPECT_NEAR(time.seconds(all_in_main_memory), 4, 1e-6);
}

TEST(ExpertTime, IsNeverLessForMoreExpertsInMainMemory) {
    for (double bus_s = 0.4; bus_s < 5; bus_s += 0.003) {
        ExpertTime time(16, 16, 1_MiB, gpu_and_main_memory((1_MiB).as_double() / bus_s));
        for (std::uint32_t n = 1; n <= 16; ++n) {
            ASSERT_GE(time.seconds({16 - n, n}), time.seconds({17 - n, n - 1}) - 1e-9)
                << bus_s << ' ' << n;
        }
    }
}

TEST(ExpertTime, IsTheSameOverABusThatIsTooSlow) {
    ExpertTime time(8, 2, 1_MiB, gpu_and_main_memory((1_MiB).as_double() / 5));
    EXPECT_NEAR(time.seconds(all_in_main_memory), 4, 1e-6);
}

}  // namespace
}  // namespace hexcore
