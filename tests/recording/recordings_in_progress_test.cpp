#include "hexcore/recording/recordings_in_progress.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/recording/viewed_recording.hpp"
#include "support/recordings.hpp"
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

TEST(RecordingsInProgress, KnowWhetherAnybodyLooks) {
    const test::TempFolder folder;
    const fs::path notes = folder.path() / "watching";
    EXPECT_FALSE(are_recordings_viewed(notes));
    auto viewers = std::make_optional<std::vector<RecordingViewer>>();
    viewers->emplace_back(notes);
    viewers->emplace_back(notes);
    EXPECT_TRUE(are_recordings_viewed(notes));
    EXPECT_TRUE(are_recordings_viewed(notes)) << "asking changes nothing";
    viewers.reset();
    EXPECT_FALSE(are_recordings_viewed(notes));
    const RecordingViewer nowhere{fs::path()};
    EXPECT_FALSE(are_recordings_viewed({}));
}

TEST(RecordingsInProgress, AreWrittenUpToASecondAgoWhileSomebodyLooks) {
    const test::TempFolder folder;
    const fs::path notes = folder.path() / "watching";
    test::RecordedFile file;
    const auto noted = recording_at(folder.path() / "some.hxr");
    ASSERT_TRUE(noted.has_value());
    ViewedRecording viewed(file.writer(), notes, noted->path);
    EXPECT_THAT(recordings_in_progress(notes), IsEmpty()) << "there is nothing of it yet";
    file.writer().run(test::some_run());
    viewed.run(test::some_run());
    EXPECT_THAT(recordings_in_progress(notes), ElementsAre(noted->path));
    file.writer().device(test::some_host());
    const auto tell = [&](std::chrono::seconds from, std::chrono::seconds until) {
        for (std::chrono::milliseconds time = from; time < until; time += test::milliseconds(250)) {
            const RecordedRow row =
                test::host_row(time, {{test::some_process(1), Bytes(4096) * (time.count() + 1)}});
            file.writer().row(row);
            viewed.row(row);
        }
        test::KeptRecords kept;
        const std::string bytes = file.bytes();
        test::BytesSource source(bytes);
        EXPECT_TRUE(read_recording(source, "test", kept).has_value());
        return kept.rows.empty() ? std::chrono::seconds(0)
                                 : std::chrono::ceil<std::chrono::seconds>(kept.rows.back().time);
    };
    using std::chrono::seconds;
    EXPECT_LT(tell(seconds(0), seconds(903)), seconds(902)) << "a piece is of 9 s then";
    const RecordingViewer viewer(notes);
    EXPECT_GE(tell(seconds(903), seconds(908)), seconds(907));
    viewed.end({});
    EXPECT_THAT(recordings_in_progress(notes), IsEmpty());
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
