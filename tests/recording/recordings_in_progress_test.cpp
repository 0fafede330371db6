#include "hexcore/recording/recordings_in_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>

#include "hexcore/recording/recordings_folder.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::size_t files_in(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

TEST(RecordingsInProgress, AreThoseThatAreWrittenWhereverTheyLie) {
    const test::TempFolder folder;
    const fs::path notes = folder.path() / "state" / "watching";
    EXPECT_THAT(recordings_in_progress(notes), IsEmpty());
    const auto first = new_recording(folder.path() / "recordings", "train");
    ASSERT_TRUE(first.has_value());
    const RecordingNote first_note(notes, first->path);
    auto second = std::optional(recording_at(folder.path() / "second.hxr"));
    ASSERT_TRUE(second->has_value());
    const RecordingNote second_note(notes, (*second)->path);
    EXPECT_THAT(recordings_in_progress(notes), ElementsAre(first->path, (*second)->path));
    struct stat facts {};
    ASSERT_EQ(::stat(notes.c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 0777U, 0700U);
    second.reset();  // its writer is no more
    EXPECT_THAT(recordings_in_progress(notes), ElementsAre(first->path));
    EXPECT_EQ(files_in(notes), 1U) << "a note of nothing is removed";
}

TEST(RecordingsInProgress, ANoteEndsWithItsObject) {
    const test::TempFolder folder;
    const fs::path notes = folder.path() / "watching";
    const auto recording = recording_at(folder.path() / "some.hxr");
    ASSERT_TRUE(recording.has_value());
    RecordingNote note(notes, recording->path);
    RecordingNote moved = std::move(note);
    EXPECT_THAT(recordings_in_progress(notes), ElementsAre(recording->path));
    moved = RecordingNote();
    EXPECT_EQ(files_in(notes), 0U);
}

TEST(RecordingsInProgress, WhatElseLiesThereIsNoNote) {
    const test::TempFolder folder;
    const fs::path notes = folder.path() / "watching";
    fs::create_directory(notes);
    std::ofstream(notes / "file") << "x";
    ASSERT_EQ(::symlink("/dev/zero", (notes / "device").c_str()), 0);
    ASSERT_EQ(::symlink(notes.c_str(), (notes / "folder").c_str()), 0);
    ASSERT_EQ(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
    ASSERT_EQ(::symlink((folder.path() / "pipe").c_str(), (notes / "pipe").c_str()), 0);
    EXPECT_THAT(recordings_in_progress(notes), IsEmpty());
    EXPECT_EQ(files_in(notes), 1U) << "a file that is no note stays";
}

}  // namespace
}  // namespace hexcore
