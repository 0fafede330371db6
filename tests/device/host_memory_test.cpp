#include "hexcore/device/host_memory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "device/fixture_tree.hpp"

namespace hexcore {
namespace {

using ::testing::HasSubstr;

constexpr const char* meminfo =
    "MemTotal:       16777216 kB\n"
    "MemFree:         1048576 kB\n"
    "MemAvailable:    8388608 kB\n"
    "HugePages_Total:       0\n";
constexpr const char* v2_mount =
    "23 1 0:21 / /sys rw - sysfs sysfs rw\n"
    "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* v1_mounts =
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

class HostMemoryProbe : public ::testing::Test {
protected:
    HostMemoryProbe() { tree.write("/proc/meminfo", meminfo); }

    HostMemory probed() {
        const auto memory = probe_host_memory(tree.root());
        EXPECT_TRUE(memory.has_value()) << memory.error().message;
        return memory.value_or(HostMemory{});
    }
    void expect_bad_input(const char* part) {
        const auto memory = probe_host_memory(tree.root());
        ASSERT_FALSE(memory.has_value()) << part;
        EXPECT_EQ(memory.error().code, ErrorCode::bad_input);
        EXPECT_THAT(memory.error().message, HasSubstr(part));
    }

    test::FixtureTree tree;
};

TEST_F(HostMemoryProbe, ReadsMeminfoWhereThereAreNoControlGroups) {
    const HostMemory memory = probed();
    EXPECT_EQ(memory.total, 16_GiB);
    EXPECT_EQ(memory.available, 8_GiB);
    EXPECT_EQ(memory.tightest_path, "");
    EXPECT_FALSE(memory.cgroup_limit.has_value());
}

TEST_F(HostMemoryProbe, AVersion2LimitLeavesItsRestWithPageCacheCountedAsFree) {
    tree.write("/proc/self/cgroup", "0::/app.slice/run.scope\n");
    tree.write("/proc/self/mountinfo", v2_mount);
    tree.write("/sys/fs/cgroup/app.slice/run.scope/memory.max", "4294967296\n");
    tree.write("/sys/fs/cgroup/app.slice/run.scope/memory.current", "3221225472\n");
    tree.write("/sys/fs/cgroup/app.slice/run.scope/memory.stat",
               "anon 1610612736\nfile 1610612736\ninactive_file 1073741824\n"
               "active_file 536870912\n");
    tree.write("/sys/fs/cgroup/app.slice/memory.max", "max\n");
    const HostMemory memory = probed();
    EXPECT_EQ(memory.total, 16_GiB);
    EXPECT_EQ(memory.cgroup_limit, 4_GiB);
    EXPECT_EQ(memory.cgroup_path, "/sys/fs/cgroup/app.slice/run.scope");
    EXPECT_EQ(memory.available, 2560_MiB);
    EXPECT_EQ(memory.machine_available, 8_GiB);
}

TEST_F(HostMemoryProbe, AParentsLimitHoldsForItsChildren) {
    tree.write("/proc/self/cgroup", "0::/outer/inner\n");
    tree.write("/proc/self/mountinfo", v2_mount);
    tree.write("/sys/fs/cgroup/outer/inner/memory.max", "4294967296\n");
    tree.write("/sys/fs/cgroup/outer/inner/memory.current", "0\n");
    tree.write("/sys/fs/cgroup/outer/memory.max", "2147483648\n");
    tree.write("/sys/fs/cgroup/outer/memory.current", "2147483648\n");
    const HostMemory memory = probed();
    EXPECT_EQ(memory.cgroup_limit, 2_GiB);
    EXPECT_EQ(memory.cgroup_path, "/sys/fs/cgroup/outer");
    EXPECT_EQ(memory.available, 0_B);
}

TEST_F(HostMemoryProbe, AGroupWithAHigherLimitCanStillLeaveLess) {
    tree.write("/proc/self/cgroup", "0::/full/inner\n");
    tree.write("/proc/self/mountinfo", v2_mount);
    tree.write("/sys/fs/cgroup/full/inner/memory.max", "4294967296\n");
    tree.write("/sys/fs/cgroup/full/inner/memory.current", "0\n");
    tree.write("/sys/fs/cgroup/full/memory.max", "8589934592\n");
    tree.write("/sys/fs/cgroup/full/memory.current", "7516192768\n");
    const HostMemory memory = probed();
    EXPECT_EQ(memory.cgroup_limit, 4_GiB);
    EXPECT_EQ(memory.available, 1_GiB);
    EXPECT_EQ(memory.tightest_path, "/sys/fs/cgroup/full");
}

TEST_F(HostMemoryProbe, ReadsVersion1BesideAVersion2WithoutTheController) {
    tree.write("/proc/self/cgroup",
               "4:memory:/jobs/one\n3:cpu,cpuacct:/\n1:name=systemd:/\n0::/\n");
    tree.write("/proc/self/mountinfo", v1_mounts);
    tree.write("/sys/fs/cgroup/memory/jobs/one/memory.limit_in_bytes", "1073741824\n");
    tree.write("/sys/fs/cgroup/memory/jobs/one/memory.usage_in_bytes", "805306368\n");
    tree.write("/sys/fs/cgroup/memory/jobs/one/memory.stat",
               "active_file 1\ntotal_inactive_file 268435456\ntotal_active_file 0\n");
    tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    const HostMemory memory = probed();
    EXPECT_EQ(memory.cgroup_limit, 1_GiB);
    EXPECT_EQ(memory.available, 512_MiB);
}

TEST_F(HostMemoryProbe, FindsTheGroupOfAContainerThatSeesTheMachinesPaths) {
    tree.write("/proc/self/cgroup", "4:memory:/docker/abc\n");
    tree.write("/proc/self/mountinfo",
               "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n");
    tree.write("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n");
    tree.write("/sys/fs/cgroup/memory/memory.usage_in_bytes", "1073741824\n");
    EXPECT_EQ(probed().available, 1_GiB);

    // Moved to a group that the mount does not show: the mount's top is the best that can be seen.
    tree.write("/proc/self/cgroup", "4:memory:/docker/abcdef\n");
    EXPECT_EQ(probed().available, 1_GiB);
}

TEST_F(HostMemoryProbe, IgnoresALimitOverWhatTheMachineHas) {
    tree.write("/proc/self/cgroup", "0::/big\n");
    tree.write("/proc/self/mountinfo", v2_mount);
    tree.write("/sys/fs/cgroup/big/memory.max", "1099511627776\n");
    tree.write("/sys/fs/cgroup/big/memory.current", "4096\n");
    const HostMemory memory = probed();
    EXPECT_FALSE(memory.cgroup_limit.has_value());
    EXPECT_EQ(memory.available, 8_GiB);
}

TEST_F(HostMemoryProbe, SaysWhichLineOfMeminfoIsMissingOrMalformed) {
    tree.write("/proc/meminfo", "MemTotal:  1 kB\n");
    expect_bad_input("has no line MemAvailable:");
    tree.write("/proc/meminfo", "MemTotal:  lots kB\nMemAvailable: 1 kB\n");
    expect_bad_input("MemTotal: is followed by 'lots'");
    tree.write("/proc/meminfo", "MemTotal:  1 pages\nMemAvailable: 1 kB\n");
    expect_bad_input("MemTotal:");
    tree.write("/proc/meminfo", "MemTotal:  18014398509481985 kB\nMemAvailable: 1 kB\n");
    expect_bad_input("MemTotal:");
    tree.write("/proc/meminfo", "");
    expect_bad_input("has no line MemTotal:");
}

TEST_F(HostMemoryProbe, SaysWhichControlGroupFileIsMalformed) {
    tree.write("/proc/self/mountinfo", v2_mount);
    tree.write("/proc/self/cgroup", "nonsense\n");
    expect_bad_input("'nonsense' is not of the form");
    tree.write("/proc/self/cgroup", "0::/a\n");
    tree.write("/sys/fs/cgroup/a/memory.max", "12x\n");
    expect_bad_input("memory.max: '12x' is not a number");
    tree.write("/sys/fs/cgroup/a/memory.max", "4096\n");
    expect_bad_input("memory.current is not there");
    tree.write("/sys/fs/cgroup/a/memory.current", "-1\n");
    expect_bad_input("memory.current: '-1'");
    tree.write("/sys/fs/cgroup/a/memory.current", "1\n");
    tree.write("/sys/fs/cgroup/a/memory.stat", "active_file\n");
    expect_bad_input("memory.stat");
}

TEST(HostMemory, SaysWhatIsMissingWhereProcIsNotMounted) {
    const auto memory = probe_host_memory({.prefix = "/nonexistent"});
    ASSERT_FALSE(memory.has_value());
    EXPECT_EQ(memory.error().code, ErrorCode::bad_input);
    EXPECT_THAT(memory.error().message, HasSubstr("/nonexistent/proc/meminfo is not there"));
}

TEST(HostMemory, OfThisMachineIsConsistent) {
    const auto memory = probe_host_memory();
    ASSERT_TRUE(memory.has_value()) << memory.error().message;
    EXPECT_GT(memory->available, 0_B);
    EXPECT_LE(memory->available, memory->total);
}

}  // namespace
}  // namespace hexcore
