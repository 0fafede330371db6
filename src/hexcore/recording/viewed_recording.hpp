#pragma once

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/recording/recordings_in_progress.hpp"

namespace hexcore {

/// Notes a recording as one in progress from its first record to its end, and has its writer keep
/// less back while somebody looks at such: about a second, and after a quarter of an hour a
/// thousandth of the time so far, for each piece takes room. Is told after the writer.
class ViewedRecording : public RecordSink {
public:
    ViewedRecording(RecordingWriter& writer, std::filesystem::path notes,
                    std::filesystem::path recording)
        : writer_(writer), notes_(std::move(notes)), recording_(std::move(recording)) {}

    void run(const RecordedRun& /*run*/) override { note_ = RecordingNote(notes_, recording_); }
    void device(const RecordedDevice& /*device*/) override {}
    void row(const RecordedRow& row) override {
        constexpr RecordedTime second = std::chrono::seconds(1);
        if (row.time - asked_ >= std::max(second, row.time / 1000)) {
            asked_ = row.time;
            if (are_recordings_viewed(notes_)) {
                writer_.flush();
            }
        }
    }
    void thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) override {}
    void end(const RecordedEnd& /*end*/) override { note_ = {}; }

private:
    RecordingWriter& writer_;
    std::filesystem::path notes_;
    std::filesystem::path recording_;
    RecordingNote note_;
    RecordedTime asked_{};
};

}  // namespace hexcore
