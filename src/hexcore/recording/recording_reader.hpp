#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Where a recording comes from: bytes in order.
class RecordingSource {
public:
    virtual ~RecordingSource() = default;
    RecordingSource() = default;
    RecordingSource(const RecordingSource&) = delete;
    RecordingSource& operator=(const RecordingSource&) = delete;

    [[nodiscard]] virtual std::uint64_t size() const = 0;
    /// Fills `into`, or as much of it as there is. Returns how many bytes.
    [[nodiscard]] virtual std::size_t read(std::span<char> into) = 0;
};

/// What a reader did not tell its sink.
struct RecordingRead {
    std::uint64_t unreadable_bytes = 0;  ///< at the end: cut off, or damaged
};

/// Reads a recording and tells the sink. Trusts nothing: what breaks the format ends the reading,
/// and takes no more memory than a chunk and a row of each device. Fails with ErrorCode::bad_input
/// where not even the run can be read; `name` is the file's in the message.
[[nodiscard]] Result<RecordingRead> read_recording(RecordingSource& source, std::string_view name,
                                                   RecordSink& sink);
/// The same for a file, which may be growing. Fails with bad_input, too, where it cannot be opened
/// or is no file.
[[nodiscard]] Result<RecordingRead> read_recording_file(const std::filesystem::path& path,
                                                        RecordSink& sink);

/// Reads a recording that may be growing, and goes on from where it stopped.
class RecordingFollower {
public:
    /// `sink` is told while this lives. Fails as read_recording_file() does; of a recording that
    /// has only just been begun, too: nothing of it can be read yet.
    [[nodiscard]] static Result<std::unique_ptr<RecordingFollower>> open(
        const std::filesystem::path& path, RecordSink& sink);
    virtual ~RecordingFollower() = default;
    RecordingFollower(const RecordingFollower&) = delete;
    RecordingFollower& operator=(const RecordingFollower&) = delete;

    /// Tells what has been written since, at most `bytes_max` of the file (and a chunk). Returns
    /// how many bytes that were; 0: nothing more, for now or because the rest is damaged.
    virtual std::uint64_t go_on(std::uint64_t bytes_max) = 0;

protected:
    RecordingFollower() = default;
};

}  // namespace hexcore
