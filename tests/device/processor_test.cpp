#include "hexcore/device/processor.hpp"

#include "device/fixture_tree.hpp"

namespace hexcore::test {
namespace {

constexpr const char* v2_mount = "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
constexpr const char* v1_mounts =
    "33 31 0:30 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "34 31 0:31 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n";

class CpuQuota : public ::testing::Test {
protected:
    void in_v2(const char* group) const {
        tree.write("/proc/self/mountinfo", v2_mount);
        tree.write("/proc/self/cgroup", std::string("0::") + group + "\n");
    }
    [[nodiscard]] std::optional<double> quota() const { return cpu_quota(tree.root()); }

    FixtureTree tree;
};

TEST_F(CpuQuota, ThereIsNoneWithoutControlGroups) {
    EXPECT_FALSE(quota().has_value());
    EXPECT_GE(usable_cores(tree.root()), 1);
}

TEST_F(CpuQuota, OfVersion2IsTheLeastOfAllParents) {
    in_v2("/pod/box");
    tree.write("/sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
    EXPECT_FALSE(quota().has_value());
    tree.write("/sys/fs/cgroup/pod/cpu.max", "150000 100000\n");
    EXPECT_EQ(quota(), 1.5);
    tree.write("/sys/fs/cgroup/pod/box/cpu.max", "20000 10000\n");
    EXPECT_EQ(quota(), 1.5);
    tree.write("/sys/fs/cgroup/pod/box/cpu.max", "5000 10000\n");
    EXPECT_EQ(quota(), 0.5);
}

TEST_F(CpuQuota, OfVersion1IsItsTimeOverItsPeriod) {
    tree.write("/proc/self/mountinfo", v1_mounts);
    tree.write("/proc/self/cgroup", "3:cpuset:/other\n1:cpu,cpuacct:/docker/a\n0::/\n");
    tree.write("/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_period_us", "100000\n");
    tree.write("/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us", "-1\n");
    EXPECT_FALSE(quota().has_value());
    tree.write("/sys/fs/cgroup/cpu,cpuacct/docker/a/cpu.cfs_quota_us", "250000\n");
    EXPECT_EQ(quota(), 2.5);
}

TEST_F(CpuQuota, ThatCannotBeReadIsNone) {
    in_v2("/box");
    for (const char* text : {"", "x", "100000", "0 100000", "100000 0", "-5 100000"}) {
        tree.write("/sys/fs/cgroup/box/cpu.max", text);
        EXPECT_FALSE(quota().has_value()) << text;
    }
    tree.write("/proc/self/cgroup", "nonsense\n");
    EXPECT_FALSE(quota().has_value());
}

TEST_F(CpuQuota, BoundsTheThreadsByTheCpusThatFitIntoItWhole) {
    in_v2("/box");
    for (const char* text : {"100000 100000", "199999 100000", "1000 100000"}) {
        tree.write("/sys/fs/cgroup/box/cpu.max", text);
        EXPECT_EQ(usable_cores(tree.root()), 1) << text;
    }
    const int all = usable_cores();
    tree.write("/sys/fs/cgroup/box/cpu.max", "max 100000");
    EXPECT_GE(usable_cores(tree.root()), all);
}

}  // namespace
}  // namespace hexcore::test
