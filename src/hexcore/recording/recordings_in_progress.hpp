#pragma once

#include <filesystem>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore {

/// Where recordings that are being written are noted: `watching` in the folder of this user's
/// state; empty: nowhere.
[[nodiscard]] std::filesystem::path recording_notes();

/// Says, while it lives, where a recording is that this process writes: a symbolic link in `notes`,
/// for its owner alone. Where that cannot be, nothing is noted, and nobody finds it. Move-only.
class RecordingNote {
public:
    RecordingNote() = default;
    RecordingNote(const std::filesystem::path& notes, const std::filesystem::path& recording);
    RecordingNote(RecordingNote&& other) noexcept;
    RecordingNote& operator=(RecordingNote&& other) noexcept;
    ~RecordingNote();

private:
    std::filesystem::path link_;  ///< empty: none
};

/// Says, while it lives, that somebody looks at recordings in progress: a lock on a file beside the
/// notes. Where that cannot be, nobody is told.
class RecordingViewer {
public:
    explicit RecordingViewer(const std::filesystem::path& notes);

private:
    FileDescriptor lock_;
};
/// Whether anybody does.
[[nodiscard]] bool are_recordings_viewed(const std::filesystem::path& notes);

/// This user's recordings that are noted and being written, the one that was begun first before the
/// others. Notes of those that are no longer are removed.
[[nodiscard]] std::vector<std::filesystem::path> recordings_in_progress(
    const std::filesystem::path& notes);

}  // namespace hexcore
