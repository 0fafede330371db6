#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// `recordings` in the folder of this user's state; empty where there is none.
[[nodiscard]] std::filesystem::path default_recordings_folder();

/// What is kept of old recordings.
struct RecordingsKept {
    Bytes bytes = 512_MiB;
    std::chrono::hours age{24 * 30};
};

/// A file for a recording. As long as it is open, nobody's prune_recordings() removes it.
struct NewRecording {
    std::filesystem::path path;
    FileDescriptor file;
    bool is_new = true;  ///< made just now, empty, for its owner's eyes only
};

/// A new file in the folder, which is made if need be, named after the time and the program:
/// 2026-11-28-210733-train.hxr. Fails with ErrorCode::negative where that cannot be.
[[nodiscard]] Result<NewRecording> new_recording(const std::filesystem::path& folder,
                                                 std::string_view program);
/// The file at `path`, with what is in it. Fails with ErrorCode::usage where it cannot be written,
/// and where it has something else in it than a recording.
[[nodiscard]] Result<NewRecording> recording_at(const std::filesystem::path& path);

/// Whether a file of this user's is a recording that a process is writing.
[[nodiscard]] bool is_being_written(const std::filesystem::path& path);

/// Removes the oldest recordings of this user's in the folder that are beyond what is kept, but
/// none that is being written.
void prune_recordings(const std::filesystem::path& folder, const RecordingsKept& kept = {});

/// The one that was written to last. Fails with ErrorCode::bad_input where there is none.
[[nodiscard]] Result<std::filesystem::path> newest_recording(const std::filesystem::path& folder);

}  // namespace hexcore
