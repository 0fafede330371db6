#include "hexcore/device/memory_holder.hpp"

#include "device/fixture_tree.hpp"

namespace hexcore::test {
namespace {

std::string status(int anonymous_kb, int shared_kb) {
    return "Name:\tx\nVmRSS:\t999999 kB\nRssAnon:\t" + std::to_string(anonymous_kb) +
           " kB\nRssFile:\t777777 kB\nRssShmem:\t" + std::to_string(shared_kb) + " kB\n";
}

TEST(MemoryHolders, TheLargestComeFirstByWhatTheKernelCannotTakeBack) {
    const FixtureTree tree;
    tree.link("/proc/self", "42");
    tree.write("/proc/42/status", status(900'000, 0));
    tree.write("/proc/7/status", status(300, 200));
    tree.write("/proc/7/cmdline", std::string("/usr/bin/python3\0train.py\0--secret=1\0", 37));
    tree.write("/proc/8/status", status(501, 0));
    tree.write("/proc/8/comm", "game\n");
    tree.write("/proc/9/status", status(100, 0));
    tree.write("/proc/10/status", "Name:\tkworker\n");
    tree.write("/proc/meminfo", "MemTotal: 1 kB\n");

    const auto two = largest_memory_holders(tree.root(), 2);
    ASSERT_EQ(two.size(), 2U);
    EXPECT_EQ(two[0].pid, 8U);
    EXPECT_EQ(two[0].command, "game");
    EXPECT_EQ(two[0].bytes, 501_KiB);
    EXPECT_EQ(two[1].pid, 7U);
    EXPECT_EQ(two[1].command, "python3 train.py");
    EXPECT_EQ(two[1].bytes, 500_KiB);
    EXPECT_EQ(largest_memory_holders(tree.root(), 9).size(), 3U);
    EXPECT_EQ(memory_of_process(tree.root(), "self"), 900'000_KiB);
    tree.write("/proc/12/status", "VmPeak:\t 9999 kB\nVmHWM:\t 4000 kB\nVmRSS:\t 300 kB\n");
    EXPECT_EQ(high_water_of_process(tree.root(), "12"), 4000_KiB);
    EXPECT_EQ(high_water_of_process(tree.root(), "10"), std::nullopt);
    tree.write("/proc/13/status", "Name:\ta game\nUmask:\t0022\nVmHWM:\t 4000 kB\n");
    EXPECT_EQ(status_of_process(tree.root(), "13").name, "a game");
    EXPECT_EQ(status_of_process(tree.root(), "13").high_water, 4000_KiB);
    EXPECT_EQ(status_of_process(tree.root(), "11").name, "") << "it has ended";
    EXPECT_EQ(memory_of_process(tree.root(), "10"), std::nullopt) << "the kernel's own";
    EXPECT_EQ(memory_of_process(tree.root(), "11"), std::nullopt) << "it has ended";
}

TEST(MemoryHolders, PagesThatProcessesShareCountForEachInPart) {
    const FixtureTree tree;
    tree.write("/proc/7/smaps_rollup",
               "55d0-7ffc ---p 00000000 00:00 0     [rollup]\nRss:    900 kB\nPss:    500 kB\n"
               "Pss_Anon:    400 kB\nSwapPss:    0 kB\n");
    tree.write("/proc/7/status", "VmRSS:\t 901 kB\n");
    const auto held = shared_memory_of_process(tree.root(), "7");
    ASSERT_TRUE(held.has_value());
    EXPECT_EQ(held->resident, 900_KiB);
    EXPECT_EQ(held->once, 500_KiB);
    tree.write("/proc/8/status", "VmRSS:\t 300 kB\n");
    const auto silent = shared_memory_of_process(tree.root(), "8");
    ASSERT_TRUE(silent.has_value()) << "it may not be asked";
    EXPECT_EQ(silent->resident, 300_KiB);
    EXPECT_EQ(silent->once, 300_KiB);
    EXPECT_FALSE(shared_memory_of_process(tree.root(), "9").has_value()) << "it has ended";
    EXPECT_FALSE(tells_shared_memory(tree.root()));
    tree.write("/proc/self/smaps_rollup", "Rss: 9 kB\nPss: 5 kB\n");
    EXPECT_TRUE(tells_shared_memory(tree.root()));
}

TEST(MemoryHolders, AControlGroupsLimitIsUsedUpByItsOwnProcessesOnly) {
    const FixtureTree tree;
    tree.link("/proc/self", "42");
    tree.write("/proc/42/mountinfo", "30 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    for (const auto& [pid, group] : {std::pair("7", "/jobs"), std::pair("8", "/jobs/a"),
                                     std::pair("9", "/jobs2"), std::pair("10", "/")}) {
        tree.write(std::string("/proc/") + pid + "/status", status(900, 0));
        tree.write(std::string("/proc/") + pid + "/cgroup", std::string("0::") + group + "\n");
    }
    tree.write("/proc/11/status", status(900, 0));  // its group cannot be seen
    const auto held = largest_memory_holders(tree.root(), 9, "/sys/fs/cgroup/jobs");
    ASSERT_EQ(held.size(), 2U);
    EXPECT_EQ(held[0].pid, 7U);
    EXPECT_EQ(held[1].pid, 8U);
    EXPECT_EQ(largest_memory_holders(tree.root(), 9).size(), 5U);
}

TEST(MemoryHolders, AProcessOutsideOfAContainersMountIsNotInTheContainer) {
    const FixtureTree tree;
    tree.link("/proc/self", "42");
    tree.write("/proc/42/mountinfo",
               "30 23 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree.write("/proc/7/status", status(900, 0));
    tree.write("/proc/7/cgroup", "0::/docker/abc/worker\n");
    tree.write("/proc/8/status", status(900, 0));
    tree.write("/proc/8/cgroup", "0::/docker/abcd\n");
    const auto held = largest_memory_holders(tree.root(), 9, "/sys/fs/cgroup");
    ASSERT_EQ(held.size(), 1U);
    EXPECT_EQ(held[0].pid, 7U);
}

TEST(MemoryHolders, ThereAreNoneWhereProcessesCannotBeSeen) {
    EXPECT_TRUE(largest_memory_holders({.prefix = "/nonexistent"}, 3).empty());
}

}  // namespace
}  // namespace hexcore::test
