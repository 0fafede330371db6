#include "hexcore/device/cgroup_events.hpp"

#include <gtest/gtest.h>

#include "device/fixture_tree.hpp"

namespace hexcore {
namespace {

TEST(CgroupEvents, OfVersion2AreThoseOfEachGroupInnermostFirst) {
    const test::FixtureTree tree;
    tree.write("/proc/self/cgroup", "0::/a/b\n");
    tree.write("/proc/self/mountinfo",
               "30 23 0:26 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw\n");
    tree.write("/sys/fs/cgroup/a/b/memory.events",
               "low 0\nhigh 0\nmax 5\noom 2\noom_kill 1\noom_group_kill 0\n");
    tree.write("/sys/fs/cgroup/a/b/memory.peak", "4096\n");
    tree.write("/sys/fs/cgroup/a/b/memory.current", "1024\n");
    tree.write("/sys/fs/cgroup/a/memory.events", "oom 7\noom_kill 6\n");
    const auto events = cgroup_events(tree.root());
    ASSERT_EQ(events.size(), 2U) << "the top group has none";
    EXPECT_EQ(events[0].path, "/sys/fs/cgroup/a/b");
    EXPECT_EQ(events[0].at_limit, 2U);
    EXPECT_EQ(events[0].oom_killed, 1U);
    EXPECT_EQ(events[0].peak, 4_KiB);
    EXPECT_EQ(events[1].at_limit, 7U);
    EXPECT_EQ(events[1].peak, 0_B) << "kernels before 5.19 do not tell";
    EXPECT_EQ(cgroup_usage_file(tree.root(), "/sys/fs/cgroup/a/b"),
              "/sys/fs/cgroup/a/b/memory.current");
}

TEST(CgroupEvents, OfVersion1HaveOtherNames) {
    const test::FixtureTree tree;
    tree.write("/proc/self/cgroup", "4:memory:/c\n");
    tree.write("/proc/self/mountinfo",
               "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n");
    tree.write("/sys/fs/cgroup/memory/c/memory.oom_control",
               "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
    tree.write("/sys/fs/cgroup/memory/c/memory.failcnt", "12\n");
    tree.write("/sys/fs/cgroup/memory/c/memory.max_usage_in_bytes", "8192\n");
    const auto events = cgroup_events(tree.root());
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].oom_killed, 3U);
    EXPECT_EQ(events[0].at_limit, 12U);
    EXPECT_EQ(events[0].peak, 8_KiB);
    EXPECT_EQ(cgroup_usage_file(tree.root(), "/sys/fs/cgroup/memory/c"),
              "/sys/fs/cgroup/memory/c/memory.usage_in_bytes");
}

TEST(CgroupEvents, AreNoneWhereThereAreNoGroups) {
    const test::FixtureTree tree;
    EXPECT_TRUE(cgroup_events(tree.root()).empty());
}

}  // namespace
}  // namespace hexcore
