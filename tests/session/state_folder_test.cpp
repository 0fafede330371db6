#include "hexcore/session/state_folder.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

namespace fs = std::filesystem;

TEST(StateFolder, GoesWithTheObjectAndIsForItsOwnersEyes) {
    const TempFolder base;
    fs::path path;
    {
        const auto folder = StateFolder::make(base.path() / "deep" / "er");
        ASSERT_TRUE(folder.has_value()) << folder.error().message;
        path = folder->path();
        struct stat facts {};
        ASSERT_EQ(::stat(path.c_str(), &facts), 0);
        EXPECT_EQ(facts.st_mode & 0777U, 0700U);
        EXPECT_TRUE(left_state_folders(base.path() / "deep" / "er").empty());
    }
    EXPECT_FALSE(fs::exists(path));
}

TEST(StateFolder, TheNextOneRemovesWhatADeadProcessLeft) {
    const TempFolder base;
    const pid_t child = ::fork();
    if (child == 0) {
        const auto folder = StateFolder::make(base.path());
        std::ofstream(folder->path() / "1.session") << "x";
        ::_exit(folder ? 0 : 1);  // as kill -9 leaves it
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
    const auto left = left_state_folders(base.path());
    ASSERT_EQ(left.size(), 1U);
    EXPECT_TRUE(fs::exists(left[0] / "1.session"));
    const auto own = StateFolder::make(base.path());
    ASSERT_TRUE(own.has_value()) << own.error().message;
    EXPECT_FALSE(fs::exists(left[0]));
    // One that lives is left alone.
    const auto other = StateFolder::make(base.path());
    ASSERT_TRUE(other.has_value());
    EXPECT_TRUE(fs::exists(own->path()));
}

TEST(StateFolder, SaysWhereItCannotBe) {
    const TempFolder base;
    std::ofstream(base.path() / "file") << "x";
    const auto folder = StateFolder::make(base.path() / "file" / "below");
    ASSERT_FALSE(folder.has_value());
    EXPECT_NE(folder.error().message.find("file/below"), std::string::npos);
}

}  // namespace
}  // namespace hexcore::test
