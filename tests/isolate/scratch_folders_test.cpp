#include "hexcore/isolate/scratch_folders.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

class ScratchFoldersTest : public ::testing::Test {
protected:
    [[nodiscard]] fs::path taken() {
        auto folder = folders_.take();
        EXPECT_TRUE(folder) << folder.error().message;
        return folder.value_or(fs::path());
    }
    /// Empty, but for an empty `tmp`.
    static void expect_nothing_in(const fs::path& folder) {
        EXPECT_EQ(std::distance(fs::directory_iterator(folder), fs::directory_iterator()), 1);
        EXPECT_TRUE(fs::is_empty(folder / "tmp"));
        EXPECT_EQ(fs::status(folder / "tmp").permissions(), fs::status(folder).permissions());
    }

    test::TempFolder parent_;
    ScratchFolders folders_{parent_.path()};
};

TEST_F(ScratchFoldersTest, AreUsedAgainWithoutWhatWasInThem) {
    const fs::path first = taken();
    expect_nothing_in(first);
    std::ofstream(first / "result") << "passed";
    fs::create_directories(first / "more" / "of it");
    folders_.give_back(first);
    EXPECT_EQ(taken(), first);
    expect_nothing_in(first);
    EXPECT_NE(taken(), first);
}

TEST_F(ScratchFoldersTest, OneWhoseTemporaryFolderWasUsedIsNotUsedAgain) {
    const auto spoil = [](const fs::path& folder, int how) {
        switch (how) {
            case 0:
                std::ofstream(folder / "tmp" / "file") << "left";
                break;
            case 1:
                std::ofstream(folder / "tmp" / "file") << "removed";
                fs::remove(folder / "tmp" / "file");
                break;
            case 2:
                fs::remove(folder / "tmp");
                fs::create_directory_symlink("/", folder / "tmp");
                break;
            case 3:
                fs::permissions(folder, fs::perms::owner_all);
                break;
            default:
                fs::remove_all(folder);
        }
    };
    ::umask(022);
    for (int how = 0; how < 5; ++how) {
        const fs::path folder = taken();
        spoil(folder, how);
        folders_.give_back(folder);
        EXPECT_FALSE(fs::exists(folder)) << how;
        const fs::path next = taken();
        expect_nothing_in(next);
        EXPECT_NE(next, folder);
        folders_.give_back(next);
        (void)taken();  // the next is another one
    }
}

TEST_F(ScratchFoldersTest, WithoutRoomForResultsNoTestBegins) {
    // As on a full disk, where a file can be made and holds nothing.
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit limit{100, 100};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        ::signal(SIGXFSZ, SIG_IGN);
        const auto refused = folders_.take();
        ::_exit(!refused && refused.error().code == ErrorCode::does_not_fit &&
                        fs::is_empty(parent_.path())
                    ? 0
                    : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    ScratchFolders nowhere(parent_.path() / "nothing");
    const auto refused = nowhere.take();
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_NE(refused.error().message.find("No such file"), std::string::npos);
}

}  // namespace
}  // namespace hexcore
