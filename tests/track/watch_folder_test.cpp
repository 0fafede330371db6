#include "hexcore/track/watch_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include "hexcore/track/ring.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;

class WatchFolderTest : public ::testing::Test {
protected:
    WatchFolderTest() { ::setenv("XDG_RUNTIME_DIR", folder_.path().c_str(), 1); }
    ~WatchFolderTest() override { ::unsetenv("XDG_RUNTIME_DIR"); }

    test::TempFolder folder_;
};

TEST_F(WatchFolderTest, IsForItsOwnerAloneAndGoesWithTheWatcher) {
    fs::path path;
    {
        const auto folder = WatchFolder::make();
        ASSERT_TRUE(folder.has_value()) << folder.error().message;
        path = (*folder)->path();
        struct stat facts {};
        ASSERT_EQ(::stat(path.c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode & 0777U, 0700U);
        std::ofstream(path / "1-2-3.ring") << "anything";
        EXPECT_TRUE(left_watch_folders(watch_folders_home()).empty()) << "its watcher lives";
        EXPECT_FALSE(remove_left_watch_folder(path).has_value());
    }
    EXPECT_FALSE(fs::exists(path));
}

TEST_F(WatchFolderTest, OfADeadWatcherIsFoundAndRemoved) {
    const fs::path left = watch_folders_home() / "watch-1-abcdef";
    fs::create_directories(left);
    std::ofstream(left / watcher_file) << "";
    std::ofstream(left / "1-2-3.ring") << "anything";
    fs::create_directories(watch_folders_home() / "other");
    const auto found = left_watch_folders(watch_folders_home());
    ASSERT_EQ(found, std::vector<fs::path>{left});
    EXPECT_TRUE(remove_left_watch_folder(left).has_value());
    EXPECT_FALSE(fs::exists(left));
    EXPECT_FALSE(remove_left_watch_folder(watch_folders_home() / "other").has_value());
}

TEST_F(WatchFolderTest, OfAWatcherThatWasKilledIsLeftThoughItsChildLives) {
    std::array<int, 2> made{};
    std::array<int, 2> end{};
    ASSERT_EQ(::pipe(made.data()), 0);
    ASSERT_EQ(::pipe(end.data()), 0);
    const pid_t watcher = ::fork();
    if (watcher == 0) {
        ::close(end[1]);
        const auto folder = WatchFolder::make();
        if (::fork() == 0) {
            char byte = folder.has_value() ? 'x' : '-';
            (void)!::write(made[1], &byte, 1);
            (void)!::read(end[0], &byte, 1);
            ::_exit(0);
        }
        for (;;) {
            ::pause();
        }
    }
    char byte = 0;
    ASSERT_EQ(::read(made[0], &byte, 1), 1);
    EXPECT_EQ(byte, 'x');
    EXPECT_TRUE(left_watch_folders(watch_folders_home()).empty()) << "its watcher lives";
    ::kill(watcher, SIGKILL);
    ::waitpid(watcher, nullptr, 0);
    EXPECT_EQ(left_watch_folders(watch_folders_home()).size(), 1U);
    for (const int descriptor : {made[0], made[1], end[0], end[1]}) {
        ::close(descriptor);  // and so the child ends
    }
}

/// As with `sudo -E`, which leaves the variable as it was.
TEST_F(WatchFolderTest, IsNotInTheRuntimeFolderOfAnotherUser) {
    EXPECT_EQ(watch_folders_home(), folder_ / "hexcore");
    constexpr uid_t somebody = 65534;
    if (::geteuid() == 0) {
        ASSERT_EQ(::chown(folder_.path().c_str(), somebody, somebody), 0);
    } else {
        ::setenv("XDG_RUNTIME_DIR", "/usr", 1);
    }
    const std::string user = std::to_string(::geteuid());
    EXPECT_EQ(watch_folders_home(), std::filesystem::exists("/run/user/" + user)
                                        ? "/run/user/" + user + "/hexcore"
                                        : "/tmp/hexcore-" + user);
}

TEST_F(WatchFolderTest, IsNotMadeWhereOthersCanWrite) {
    fs::create_directories(watch_folders_home());
    ASSERT_EQ(::chmod(watch_folders_home().c_str(), 0777), 0);
    const auto folder = WatchFolder::make();
    ASSERT_FALSE(folder.has_value());
    EXPECT_EQ(folder.error().code, ErrorCode::negative);
    fs::remove(watch_folders_home());
    fs::create_symlink(folder_.path(), watch_folders_home());
    EXPECT_FALSE(WatchFolder::make().has_value()) << "a link of somebody's";
}

}  // namespace
}  // namespace hexcore
