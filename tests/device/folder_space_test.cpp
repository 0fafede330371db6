#include "hexcore/device/folder_space.hpp"

#include <gtest/gtest.h>

#include <filesystem>

namespace hexcore::test {
namespace {

TEST(FolderSpace, IsThatOfTheNearestFolderThatIsThere) {
    const FolderSpace there = probe_folder_space("/proc");
    ASSERT_TRUE(there.total.has_value());
    EXPECT_EQ(there.total, Bytes());  // what is in /proc is on no disk
    const FolderSpace below = probe_folder_space("/proc/no-such-folder/nor-this");
    EXPECT_EQ(below.folder, "/proc/no-such-folder/nor-this");
    EXPECT_EQ(below.total, there.total);
}

TEST(FolderSpace, HasNoMoreFreeThanThereIs) {
    const FolderSpace space = probe_folder_space(std::filesystem::temp_directory_path());
    ASSERT_TRUE(space.total && space.free);
    EXPECT_GT(*space.total, Bytes());
    EXPECT_LE(*space.free, *space.total);
}

TEST(FolderSpace, IsNotKnownWithoutAFolder) {
    EXPECT_FALSE(probe_folder_space("").free.has_value());
}

}  // namespace
}  // namespace hexcore::test
