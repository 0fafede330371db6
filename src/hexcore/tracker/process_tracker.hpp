#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/watch/alerts.hpp"
#include "hexcore/watch/analysis.hpp"
#include "hexcore/watch/tree_watch.hpp"

namespace hexcore {

struct ProcessTrackerOptions {
    std::chrono::microseconds interval{500'000};  ///< of the host's samples and of the GPUs'
    Bytes alert_bytes = 100_MiB;           ///< above what a device had at the start; 0: no alerts
    bool gpus = true;                      ///< sampled
    bool told = true;                      ///< what this process and its children tell
    std::filesystem::path recording = {};  ///< empty: one without a name, which goes with it
    /// Called by the tracker's thread, which may call what the tracker has but stop().
    std::function<void(const Alert&)> alert = {};
};

/// Watches this process and its children from a thread in it, as `hexcore watch` does from outside.
/// One at a time. It belongs to the process that started it: a child that was forked has neither
/// its thread nor a right to its locks, so there it stays in memory when it goes.
class ProcessTracker {
public:
    struct Remove {
        void operator()(ProcessTracker* tracker) const;
    };
    using Owned = std::unique_ptr<ProcessTracker, Remove>;

    /// Fails with ErrorCode::negative where the recording cannot be written or another tracker
    /// runs, and with ErrorCode::does_not_fit where no thread can be started.
    [[nodiscard]] static Result<Owned> start(ProcessTrackerOptions options);
    /// The one that this process started and did not stop; null if there is none.
    [[nodiscard]] static ProcessTracker* running();
    ~ProcessTracker();
    ProcessTracker(const ProcessTracker&) = delete;
    ProcessTracker& operator=(const ProcessTracker&) = delete;

    /// Whether it was started before this process was forked: then nothing of it can be asked.
    [[nodiscard]] bool is_of_a_parent() const;
    /// Until now. From any thread of its process.
    [[nodiscard]] WatchFindings findings();
    /// Of the recording until now; by the path's end, as `hexcore report -o`.
    [[nodiscard]] Result<void> picture(const std::string& path);
    /// Ends it, with one more sample. Not from an alert. Does nothing a second time, and in a child
    /// that was forked.
    void stop();

private:
    ProcessTracker(ProcessTrackerOptions options, FileDescriptor file,
                   std::unique_ptr<RecordingWriter> writer);
    void watch();
    [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point time);

    ProcessTrackerOptions options_;
    FileDescriptor file_;  ///< of the recording
    std::unique_ptr<RecordingWriter> writer_;
    Analysis analysis_;
    RecordFan fan_;
    TreeWatch tree_;
    bool listens_inside_ = false;
    bool set_variable_ = false;
    const pid_t owner_;
    bool has_stopped_ = false;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool has_begun_ = false;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace hexcore
