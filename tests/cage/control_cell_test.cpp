#include "hexcore/cage/control_cell.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

/// A folder of plain files in place of a control group of version 2 with the memory controller,
/// which few machines have where tests run.
class FakeGroup {
public:
    FakeGroup() {
        for (const char* file : {"memory.max", "memory.swap.max", "memory.oom.group", "pids.max",
                                 "cgroup.kill", "cgroup.procs"}) {
            write(file, "");
        }
        write("memory.stat", "anon 4096\nfile 99999999\nshmem 8192\n");
        write("memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 1\n");
    }
    void write(const char* file, const std::string& text) const {
        std::ofstream(folder_ / file) << text;
    }
    /// Takes it away: a file that is written to again keeps the end of what was there.
    [[nodiscard]] std::string take(const char* file) const {
        std::ifstream stream(folder_ / file);
        std::string text{std::istreambuf_iterator<char>(stream), {}};
        write(file, "");
        return text;
    }
    [[nodiscard]] CellFolders folders() const {
        const std::string path = folder_.path().string();
        return {.kill = path, .memory_v2 = path, .memory_v1 = {}, .processes = path};
    }

private:
    test::TempFolder folder_;
};

TEST(ControlCell, OfVersion2LimitsMemoryAndGivesItNoSwap) {
    const FakeGroup group;
    const auto cell = ControlCell::make(group.folders());
    ASSERT_TRUE(cell.has_value()) << cell.error().message;
    EXPECT_EQ(group.take("memory.oom.group"), "1");
    ASSERT_TRUE((*cell)->set_up({.memory = 64_MiB, .processes = 20}).has_value());
    EXPECT_EQ(group.take("memory.max"), "67108864");
    EXPECT_EQ(group.take("memory.swap.max"), "0");
    EXPECT_EQ(group.take("pids.max"), "20");
    // What is so already is not written again.
    ASSERT_TRUE((*cell)->set_up({.memory = 64_MiB}).has_value());
    EXPECT_EQ(group.take("memory.max"), "");
    EXPECT_EQ(group.take("pids.max"), "max");
    ASSERT_TRUE((*cell)->set_up({}).has_value());
    EXPECT_EQ(group.take("memory.max"), "max");
    EXPECT_EQ(group.take("memory.swap.max"), "max");
}

TEST(ControlCell, OfVersion2CountsWhatCannotBeTakenBack) {
    const FakeGroup group;
    const auto cell = ControlCell::make(group.folders());
    ASSERT_TRUE(cell.has_value());
    EXPECT_EQ((*cell)->held(), 12_KiB);
    EXPECT_EQ((*cell)->limit_event(), -1);
    EXPECT_TRUE((*cell)->limits_memory());
    EXPECT_EQ((*cell)->folders().size(), 1U);
    EXPECT_EQ((*cell)->process_files().size(), 1U);
}

TEST(ControlCell, OfVersion2SaysWhatTheKernelHasKilledSinceItWasSetUp) {
    const FakeGroup group;
    const auto cell = ControlCell::make(group.folders());
    ASSERT_TRUE(cell.has_value());
    ASSERT_TRUE((*cell)->set_up({.memory = 64_MiB}).has_value());
    EXPECT_EQ((*cell)->killed_at_limit(), 0U);
    group.write("memory.events", "max 4\noom 2\noom_kill 5\n");
    EXPECT_EQ((*cell)->killed_at_limit(), 3U);
}

TEST(ControlCell, CountsTheProcessesThatTheKernelHasRefusedSinceItWasSetUp) {
    const FakeGroup group;
    group.write("pids.events", "max 2\n");
    const auto cell = ControlCell::make(group.folders());
    ASSERT_TRUE(cell.has_value());
    ASSERT_TRUE((*cell)->set_up({.processes = 20}).has_value());
    EXPECT_EQ((*cell)->processes_refused(), 0U);
    group.write("pids.events", "max 5\n");
    EXPECT_EQ((*cell)->processes_refused(), 3U);
    ASSERT_TRUE((*cell)->set_up({}).has_value());
    EXPECT_EQ((*cell)->processes_refused(), 0U) << "of a group around it";
}

TEST(ControlCell, SaysWhichFileDoesNotTakeALimit) {
    const FakeGroup group;
    const auto cell = ControlCell::make(group.folders());
    ASSERT_TRUE(cell.has_value());
    std::filesystem::remove(group.folders().memory_v2 + "/memory.max");
    const auto set = (*cell)->set_up({.memory = 64_MiB});
    ASSERT_FALSE(set.has_value());
    EXPECT_EQ(set.error().code, ErrorCode::does_not_fit);
    EXPECT_NE(set.error().message.find("memory.max"), std::string::npos);
}

TEST(ControlCell, OfVersion1TakesAwayWhatItHoldsBeforeItRefusesALimit) {
    const test::TempFolder folder;
    const std::string path = folder.path().string();
    for (const char* file : {"memory.oom_control", "cgroup.event_control", "memory.force_empty"}) {
        std::ofstream(folder / file) << "";
    }
    std::ofstream(folder / "memory.stat") << "total_rss 4096\ntotal_shmem 8192\n";
    const auto cell =
        ControlCell::make({.kill = {}, .memory_v2 = {}, .memory_v1 = path, .processes = {}});
    ASSERT_TRUE(cell.has_value()) << cell.error().message;
    std::filesystem::create_symlink("/dev/full", folder / "memory.limit_in_bytes");
    const auto set = (*cell)->set_up({.memory = 64_MiB});
    ASSERT_FALSE(set.has_value());
    EXPECT_EQ(set.error().code, ErrorCode::does_not_fit);
    EXPECT_NE(set.error().message.find("64.0 MiB"), std::string::npos) << set.error().message;
    EXPECT_NE(set.error().message.find("12.0 KiB"), std::string::npos) << set.error().message;
    std::ifstream taken(folder / "memory.force_empty");
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(taken), {}), "0");
}

}  // namespace
}  // namespace hexcore
