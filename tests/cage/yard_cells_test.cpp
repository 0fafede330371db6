#include "hexcore/cage/yard_cells.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

std::ptrdiff_t entries_in(const fs::path& folder) {
    return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

TEST(YardFolder, OfADeadProcessIsRemovedByTheNext) {
    const test::TempFolder parent;
    const pid_t child = ::fork();
    if (child == 0) {
        const auto yard = YardFolder::make(parent.path().string());
        ::_exit(yard && fs::create_directories(yard->path() + "/0/below") ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(WEXITSTATUS(status), 0);
    ASSERT_EQ(entries_in(parent.path()), 1);
    {
        const auto yard = YardFolder::make(parent.path().string());
        ASSERT_TRUE(yard.has_value()) << yard.error().message;
        EXPECT_EQ(entries_in(parent.path()), 1);
        EXPECT_TRUE(fs::exists(yard->path()));
        const auto another = YardFolder::make(parent.path().string());
        ASSERT_TRUE(another.has_value());
        EXPECT_EQ(entries_in(parent.path()), 2);
    }
    EXPECT_EQ(entries_in(parent.path()), 0);
}

TEST(YardFolder, LeavesAloneWhatIsNoYard) {
    const test::TempFolder parent;
    fs::create_directory(parent / "somebody-elses");
    const auto yard = YardFolder::make(parent.path().string());
    ASSERT_TRUE(yard.has_value());
    EXPECT_TRUE(fs::exists(parent / "somebody-elses"));
    EXPECT_FALSE(YardFolder::make("/no/such/group").has_value());
}

TEST(YardCells, ACellThatTakesNoOtherLimitIsReplaced) {
    Guards guards;
    auto cells = YardCells::open({}, guards);
    ASSERT_TRUE(cells.has_value()) << cells.error().message;
    auto cell = (*cells)->take({.memory = 64_MiB});
    ASSERT_TRUE(cell.has_value()) << cell.error().message;
    if (*cell == nullptr || !(*cell)->limits_memory()) {
        GTEST_SKIP() << "there are no control groups here that limit memory";
    }
    const std::vector<std::string> folders = (*cell)->folders();
    (*cells)->give_back(*std::move(cell));
    for (const std::string& folder : folders) {
        fs::remove(folder);  // it takes no limit any more
    }
    const auto next = (*cells)->take({.memory = 32_MiB});
    ASSERT_TRUE(next.has_value()) << next.error().message;
    EXPECT_NE((*next)->folders(), folders);
}

}  // namespace
}  // namespace hexcore
