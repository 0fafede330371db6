#include "hexcore/base/private_file.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string_view>

#include "support/temp_folder.hpp"

namespace hexcore::test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

std::string text_of(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

class PrivateFiles : public ::testing::Test {
protected:
    PrivateFiles() { ::setenv("XDG_STATE_HOME", (base_ / "state").c_str(), 1); }
    ~PrivateFiles() override { ::unsetenv("XDG_STATE_HOME"); }

    void write(std::string_view text) {
        auto file = PrivateFile::begin(path_);
        ASSERT_TRUE(file.has_value()) << file.error().message;
        ASSERT_TRUE(file->write(bytes_of(text)).has_value());
        ASSERT_TRUE(file->finish().has_value());
    }
    /// As kill -9 in the middle of writing leaves it.
    void die_writing(std::string_view text) const {
        const pid_t child = ::fork();
        if (child == 0) {
            const auto file = PrivateFile::begin(path_);
            ::_exit(file && file->write(bytes_of(text)) ? 0 : 1);
        }
        int status = 0;
        ASSERT_EQ(::waitpid(child, &status, 0), child);
        ASSERT_EQ(status, 0);
    }
    [[nodiscard]] std::size_t beside() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path_.parent_path()), fs::directory_iterator()));
    }

    TempFolder base_;
    fs::path folder_ = base_ / "folder";
    fs::path path_ = folder_ / "talk.session";
    bool made_ = fs::create_directory(folder_);
};

TEST_F(PrivateFiles, AreTheirOwnersAloneAndTakeTheOldOnesPlace) {
    write("one");
    write("two");
    EXPECT_EQ(text_of(path_), "two");
    EXPECT_EQ(beside(), 1U);
    struct stat facts {};
    ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0600U);
    EXPECT_TRUE(fs::is_empty(private_file_notes()));
}

TEST_F(PrivateFiles, AreAsTheyWereUntilTheNewOneIsWhole) {
    write("one");
    {
        auto file = PrivateFile::begin(path_);
        ASSERT_TRUE(file.has_value());
        ASSERT_TRUE(file->write(bytes_of("two")).has_value());
        EXPECT_EQ(text_of(path_), "one");
        EXPECT_EQ(beside(), 2U);
        EXPECT_THAT(left_private_files(path_), IsEmpty()) << "it is being written";
        EXPECT_THAT(noted_private_files(private_file_notes()), IsEmpty());
    }
    EXPECT_EQ(text_of(path_), "one");
    EXPECT_EQ(beside(), 1U);
    EXPECT_TRUE(fs::is_empty(private_file_notes()));
}

TEST_F(PrivateFiles, WhatTheDeadLeaveIsFoundWhereverItLiesAndGoesWithTheNextOne) {
    write("one");
    die_writing("tw");
    const auto left = left_private_files(path_);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_EQ(text_of(left[0]), "tw");
    EXPECT_EQ(noted_private_files(private_file_notes()), left);
    write("three");
    EXPECT_EQ(text_of(path_), "three");
    EXPECT_FALSE(fs::exists(left[0]));
    EXPECT_EQ(beside(), 1U);
    EXPECT_THAT(noted_private_files(private_file_notes()), IsEmpty());
}

TEST_F(PrivateFiles, OnlyWhatADeadProcessWasWritingIsRemoved) {
    const fs::path own = folder_ / "talk.session.hexcore-backup1";
    const fs::path other = folder_ / "talk.session.backup";
    const fs::path begun = folder_ / "talk.session.hexcore-abc123";
    for (const fs::path& path : {own, other}) {
        std::ofstream(path) << "x";
    }
    std::ofstream(begun) << "";  // may be getting its lock just now
    EXPECT_THAT(left_private_files(path_), IsEmpty());
    for (const fs::path& path : {own, other, begun, path_}) {
        EXPECT_FALSE(remove_left_private_file(path).has_value()) << path;
    }
    std::ofstream(begun) << "x";
    EXPECT_THAT(left_private_files(path_), ElementsAre(begun));
    EXPECT_TRUE(remove_left_private_file(begun).has_value());
    fs::create_symlink(other, begun);
    EXPECT_THAT(left_private_files(path_), IsEmpty());
    EXPECT_TRUE(fs::exists(other));
}

TEST_F(PrivateFiles, AreLookedAtBeforehandWithoutATrace) {
    EXPECT_TRUE(check_private_file(path_).has_value());
    EXPECT_EQ(beside(), 0U);
    write("old");
    EXPECT_TRUE(check_private_file(path_).has_value());
    EXPECT_EQ(text_of(path_), "old");
    EXPECT_FALSE(check_private_file(path_ / "below").has_value());
}

TEST_F(PrivateFiles, AreWhereALinkLeadsWhichStays) {
    const fs::path target = folder_ / "target.session";
    fs::create_symlink("target.session", path_);
    write("one");
    EXPECT_EQ(text_of(target), "one");
    write("two");
    EXPECT_EQ(text_of(target), "two");
    EXPECT_TRUE(fs::is_symlink(path_));
    EXPECT_EQ(beside(), 2U);
}

TEST_F(PrivateFiles, NeverTakeThePlaceOfWhatIsNoFile) {
    ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    const auto pipe = PrivateFile::begin(path_);
    ASSERT_FALSE(pipe.has_value());
    EXPECT_THAT(pipe.error().message, HasSubstr("it is no file"));
    EXPECT_TRUE(fs::is_fifo(path_));
    EXPECT_FALSE(check_private_file(path_).has_value());
}

TEST_F(PrivateFiles, SayWhereTheyCannotBe) {
    const auto folder = PrivateFile::begin(folder_);
    ASSERT_FALSE(folder.has_value());
    EXPECT_THAT(folder.error().message, HasSubstr("Is a directory"));
    const auto nowhere = PrivateFile::begin(folder_ / "none" / "file");
    ASSERT_FALSE(nowhere.has_value());
    EXPECT_THAT(nowhere.error().message,
                HasSubstr("there is no folder " + (folder_ / "none").string()));
    EXPECT_FALSE(PrivateFile::begin("/proc/file").has_value());
    EXPECT_TRUE(fs::is_empty(private_file_notes()));
}

TEST_F(PrivateFiles, AreWrittenWhereNothingCanBeNoted) {
    std::ofstream(base_ / "state") << "no folder";
    write("one");
    EXPECT_EQ(text_of(path_), "one");
}

}  // namespace
}  // namespace hexcore::test
