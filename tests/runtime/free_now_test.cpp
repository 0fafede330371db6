#include "hexcore/runtime/free_now.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

DeviceSpec device(DeviceKind kind, std::string name, std::uint32_t cuda_index = 0) {
    DeviceSpec spec;
    spec.kind = kind;
    spec.name = std::move(name);
    spec.cuda_index = cuda_index;
    return spec;
}

std::vector<DeviceSpec> two_hosts() {
    return {device(DeviceKind::host, "host0"), device(DeviceKind::host, "host1")};
}

DryRunUsage usage_of(Bytes weights, std::size_t n_devices) {
    DryRunUsage usage;
    Usage each;
    each.weights = weights;
    usage.devices.assign(n_devices, each);
    return usage;
}

DevicesInfo with_free(Bytes available) {
    return {.host = {.total = 64_GiB, .machine_available = available, .available = available},
            .gpus = {}};
}

GpuInfo gpu_with(Bytes free, std::vector<GpuHolder> holders) {
    return {.index = 0,
            .name = "A",
            .uuid = "",
            .total = 16_GiB,
            .free = free,
            .holders = std::move(holders)};
}

TEST(FreeNow, CappedHostDevicesShareTheMachine) {
    const auto specs = two_hosts();
    DryRunUsage usage = usage_of(4_GiB, 2);
    EXPECT_TRUE(check_free_now({specs, usage}, with_free(8_GiB), {}).has_value());
    const auto refused = check_free_now({specs, usage}, with_free(8_GiB - 1_B), {});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(refused.error().message, HasSubstr("1 bytes too few"));
    EXPECT_THAT(refused.error().message, HasSubstr("host0 and host1"));
}

TEST(FreeNow, CountsWhatParkedSessionsMayTake) {
    const auto specs = two_hosts();
    const DryRunUsage usage = usage_of(4_GiB, 2);
    EXPECT_TRUE(check_free_now({specs, usage, 1_GiB}, with_free(9_GiB), {}).has_value());
    const auto refused = check_free_now({specs, usage, 1_GiB}, with_free(9_GiB - 1_B), {});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(refused.error().message, HasSubstr("1.00 GiB for parked sessions"));
    ASSERT_EQ(refused.error().remedies.size(), 1U);
    EXPECT_EQ(refused.error().remedies[0].value, "1023MiB");
}

TEST(FreeNow, CountsLibllamasHostMemoryButNotItsMappingOfTheFile) {
    const auto specs = two_hosts();
    DryRunUsage usage = usage_of(4_GiB, 2);
    usage.host.weights = 100_GiB;
    EXPECT_TRUE(check_free_now({specs, usage}, with_free(8_GiB), {}).has_value());
    usage.host.compute = 1_MiB;
    EXPECT_FALSE(check_free_now({specs, usage}, with_free(8_GiB), {}).has_value());
}

TEST(FreeNow, NamesWhoHoldsTheRestAndWhoseLimitItIs) {
    const auto specs = two_hosts();
    const DryRunUsage usage = usage_of(4_GiB, 2);
    DevicesInfo now = with_free(3_GiB);
    now.host.machine_available = 60_GiB;
    now.host.tightest_path = "/sys/fs/cgroup/jobs";
    const auto refused = check_free_now({specs, usage}, now,
                                        {{.pid = 71, .command = "python3 train.py", .bytes = 9_GiB},
                                         {.pid = 72, .command = "", .bytes = 1_GiB}});
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message, HasSubstr("control group /sys/fs/cgroup/jobs"));
    EXPECT_THAT(refused.error().message, HasSubstr("python3 train.py, pid 71 (9.00 GiB)"));
    EXPECT_THAT(refused.error().message, HasSubstr("pid 72 (1.00 GiB)"));
}

TEST(FreeNow, AGpuThatIsGoneIsAMissingDevice) {
    const std::vector<DeviceSpec> specs{device(DeviceKind::cuda, "cuda:1", 1)};
    const DryRunUsage usage = usage_of(4_GiB, 1);
    DevicesInfo now = with_free(1_GiB);
    now.gpus.gpus.push_back(gpu_with(16_GiB, {}));
    const auto refused = check_free_now({specs, usage}, now, {});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::missing_device);
    EXPECT_THAT(refused.error().message, HasSubstr("cuda:1"));
}

TEST(FreeNow, AGpuThatSomebodyTookIsRefusedWithNumbersAndTheirNames) {
    const std::vector<DeviceSpec> specs{device(DeviceKind::cuda, "cuda:0", 0)};
    const DryRunUsage usage = usage_of(4_GiB, 1);
    DevicesInfo now = with_free(1_GiB);
    now.gpus.gpus.push_back(gpu_with(4_GiB, {{.pid = 5, .command = "game", .bytes = 12_GiB}}));
    EXPECT_TRUE(check_free_now({specs, usage}, now, {}).has_value());
    now.gpus.gpus[0].free = 3_GiB;
    const auto refused = check_free_now({specs, usage}, now, {});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(refused.error().message, HasSubstr("1073741824 bytes too few"));
    EXPECT_THAT(refused.error().message, HasSubstr("game, pid 5 (12.00 GiB)"));
    now.gpus.gpus[0].free.reset();  // nobody can tell: the attempt itself will
    EXPECT_TRUE(check_free_now({specs, usage}, now, {}).has_value());
}

}  // namespace
}  // namespace hexcore::test
