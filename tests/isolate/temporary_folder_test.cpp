#include "hexcore/isolate/temporary_folder.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "isolate/run_launch.hpp"

namespace hexcore {
namespace {

/// TMPDIR of its own, as long as it lives.
class OwnTemporaryPlace {
public:
    OwnTemporaryPlace() {
        const char* before = std::getenv("TMPDIR");
        before_ = before == nullptr ? "" : before;
        ::setenv("TMPDIR", scratch_.path().c_str(), 1);
    }
    ~OwnTemporaryPlace() {
        if (before_.empty()) {
            ::unsetenv("TMPDIR");
        } else {
            ::setenv("TMPDIR", before_.c_str(), 1);
        }
    }
    OwnTemporaryPlace(const OwnTemporaryPlace&) = delete;
    OwnTemporaryPlace& operator=(const OwnTemporaryPlace&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return scratch_.path(); }

private:
    ScratchFolder scratch_;
    std::string before_;
};

TEST(TemporaryFolder, GoesWithAllThatIsInIt) {
    const OwnTemporaryPlace place;
    {
        const auto folder = TemporaryFolder::make("test");
        ASSERT_TRUE(folder) << folder.error().message;
        EXPECT_EQ(folder->path().parent_path(), place.path());
        EXPECT_TRUE(folder->path().filename().string().starts_with("hexcore-test-"));
        std::filesystem::create_directories(folder->path() / "a" / "b");
        std::ofstream(folder->path() / "a" / "b" / "c") << "x";
    }
    EXPECT_TRUE(std::filesystem::is_empty(place.path()));
}

TEST(TemporaryFolder, OneWhoseProcessWasKilledIsRemovedAndNoOther) {
    const OwnTemporaryPlace place;
    const auto mine = TemporaryFolder::make("test");
    ASSERT_TRUE(mine);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto abandoned = TemporaryFolder::make("test");
        std::ofstream(abandoned->path() / "left") << "x";
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    // Not by us, though their names are alike.
    std::filesystem::create_directory(place.path() / "hexcore-other-XXXXXX");
    std::filesystem::create_directory(place.path() / "hexcore-test-longer-name");
    const std::filesystem::path elsewhere = place.path() / "elsewhere";
    std::filesystem::create_directory(elsewhere);
    std::filesystem::create_directory_symlink(elsewhere, place.path() / "hexcore-test-linked");
    const auto entries = [&place] {
        return std::distance(std::filesystem::directory_iterator(place.path()), {});
    };
    ASSERT_EQ(entries(), 6);
    remove_abandoned_folders("test");
    EXPECT_EQ(entries(), 5);
    EXPECT_TRUE(std::filesystem::exists(mine->path()));
    EXPECT_TRUE(std::filesystem::exists(elsewhere));
}

TEST(TemporaryFolder, APlaceWhereNoneCanBeMadeIsToldWithWhatToChange) {
    const OwnTemporaryPlace place;
    ::setenv("TMPDIR", "/proc/self", 1);
    const auto folder = TemporaryFolder::make("test");
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().code, ErrorCode::usage);
    EXPECT_NE(folder.error().message.find("TMPDIR"), std::string::npos);
}

}  // namespace
}  // namespace hexcore
