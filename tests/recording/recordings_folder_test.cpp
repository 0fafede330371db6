#include "hexcore/recording/recordings_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "hexcore/recording/recording_writer.hpp"
#include "support/recordings.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

unsigned mode_of(const fs::path& path) {
    struct stat facts {};
    EXPECT_EQ(::stat(path.c_str(), &facts), 0) << path;
    return facts.st_mode & 0777U;
}

fs::path old_recording(const fs::path& folder, const std::string& name, std::chrono::hours age,
                       std::size_t size) {
    fs::create_directories(folder);
    fs::path path = folder / name;
    std::ofstream(path) << std::string(size, 'x');
    fs::last_write_time(path, fs::file_time_type::clock::now() - age);
    return path;
}

TEST(RecordingsFolder, MakesFilesForTheirOwnerAloneWithANameEach) {
    const test::TempFolder temp;
    const fs::path folder = temp / "state" / "recordings";
    const auto first = new_recording(folder, "/usr/bin/tra in\n.py");
    ASSERT_TRUE(first.has_value()) << first.error().message;
    const auto second = new_recording(folder, "/usr/bin/tra in\n.py");
    ASSERT_TRUE(second.has_value());
    EXPECT_NE(first->path, second->path);
    EXPECT_THAT(first->path.filename().string(), EndsWith("-tra_in_.py.hxr"));
    EXPECT_EQ(mode_of(folder), 0700U);
    EXPECT_EQ(mode_of(first->path), 0600U);
    EXPECT_EQ(newest_recording(folder).value().parent_path(), folder);
}

TEST(RecordingsFolder, SaysWhyThereIsNoPlace) {
    const test::TempFolder temp;
    std::ofstream(temp / "file") << "x";
    EXPECT_EQ(new_recording(temp / "file" / "recordings", "x").error().code, ErrorCode::negative);
    EXPECT_EQ(new_recording({}, "x").error().code, ErrorCode::negative);
    EXPECT_EQ(recording_at(temp.path()).error().code, ErrorCode::usage);
    EXPECT_EQ(recording_at(temp / "no" / "folder.hxr").error().code, ErrorCode::usage);
    EXPECT_EQ(newest_recording(temp / "nothing").error().code, ErrorCode::bad_input);
}

TEST(RecordingsFolder, IsOneWritersAtATime) {
    const test::TempFolder temp;
    const auto first = recording_at(temp / "one.hxr");
    ASSERT_TRUE(first.has_value());
    EXPECT_EQ(recording_at(temp / "one.hxr").error().code, ErrorCode::usage);
}

TEST(RecordingsFolder, AskingWhoWritesKeepsNobodyFromWriting) {
    const test::TempFolder temp;
    std::atomic<bool> is_over = false;
    std::jthread asking([&] {
        while (!is_over) {
            (void)is_being_written(temp / "one.hxr");
        }
    });
    int locked = 0;
    constexpr int times = 2000;
    for (int i = 0; i < times; ++i) {
        const auto recording = recording_at(temp / "one.hxr");
        locked += recording && is_being_written(temp / "one.hxr") ? 1 : 0;
    }
    is_over = true;
    EXPECT_EQ(locked, times);
}

TEST(RecordingsFolder, KeepsWhatAFileHadUntilThereIsSomethingToRecord) {
    const test::TempFolder temp;
    const fs::path path = temp / "one.hxr";
    std::ofstream(path) << "hexcore.hxr/1\n" << std::string(4986, 'x');
    auto recording = recording_at(path);
    ASSERT_TRUE(recording.has_value());
    EXPECT_FALSE(recording->is_new);
    auto writer = RecordingWriter::make(std::move(recording->file));
    EXPECT_EQ(fs::file_size(path), 5000U);
    (*writer)->run(test::some_run());
    EXPECT_EQ(fs::file_size(path), (*writer)->size());
    EXPECT_LT(fs::file_size(path), 5000U);
    EXPECT_TRUE(recording_at(temp / "two.hxr").value().is_new);
}

TEST(RecordingsFolder, TakesThePlaceOfNoOtherFile) {
    const test::TempFolder temp;
    const fs::path path = temp / "model.gguf";
    std::ofstream(path) << "GGUF and more";
    const auto recording = recording_at(path);
    ASSERT_FALSE(recording.has_value());
    EXPECT_EQ(recording.error().code, ErrorCode::usage);
    EXPECT_THAT(recording.error().message, HasSubstr("is there and is no recording"));
    EXPECT_EQ(fs::file_size(path), 13U);
    std::ofstream(temp / "empty");
    EXPECT_TRUE(recording_at(temp / "empty").has_value());
}

TEST(RecordingsFolder, RemovesTheOldestBeyondSizeAndAgeAndNothingElse) {
    const test::TempFolder temp;
    const std::chrono::hours hour(1);
    const fs::path aged = old_recording(temp.path(), "aged.hxr", 800 * hour, 10);
    const fs::path large = old_recording(temp.path(), "large.hxr", 20 * hour, 4000);
    const fs::path newer = old_recording(temp.path(), "newer.hxr", 10 * hour, 900);
    const fs::path newest = old_recording(temp.path(), "newest.hxr", 0 * hour, 900);
    const fs::path other = old_recording(temp.path(), "notes.txt", 9000 * hour, 9000);
    fs::create_symlink(other, temp / "link.hxr");
    prune_recordings(temp.path(), {.bytes = 2000_B, .age = 720 * hour});
    EXPECT_FALSE(fs::exists(aged));
    EXPECT_FALSE(fs::exists(large));
    EXPECT_TRUE(fs::exists(newer));
    EXPECT_TRUE(fs::exists(newest));
    EXPECT_TRUE(fs::exists(other));
    EXPECT_TRUE(fs::is_symlink(temp / "link.hxr"));
    EXPECT_EQ(newest_recording(temp.path()).value(), newest);
}

TEST(RecordingsFolder, LeavesWhatIsBeingWritten) {
    const test::TempFolder temp;
    const auto writing = new_recording(temp.path(), "x");
    ASSERT_TRUE(writing.has_value());
    fs::last_write_time(writing->path, fs::file_time_type::clock::now() - std::chrono::hours(9000));
    prune_recordings(temp.path(), {.bytes = 0_B});
    EXPECT_TRUE(fs::exists(writing->path));
}

}  // namespace
}  // namespace hexcore
