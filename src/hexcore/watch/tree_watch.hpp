#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/cgroup_sampler.hpp"
#include "hexcore/watch/gpu_sampler.hpp"
#include "hexcore/watch/process_tree.hpp"
#include "hexcore/watch/record_fan.hpp"

namespace hexcore {

struct WatchOptions {
    std::vector<std::string> command = {};  ///< the program first
    std::string writer = {};                ///< who writes the recording, such as "hexcore 0.1.0"
    std::chrono::microseconds interval{100'000};
    std::chrono::microseconds gpu_interval{500'000};
    GpuProbeOptions gpus = {};
};

/// Samples a process and all that descend from it, its control group and the GPUs, and tells what
/// they have in memory: begin(), then step() or follow(), then end(). For one thread at a time.
class TreeWatch {
public:
    using Clock = std::chrono::steady_clock;

    /// Watches the descendants of `root_parent`; that process itself only once it is expected.
    TreeWatch(WatchOptions options, pid_t root_parent, std::vector<RecordSink*> sinks);
    ~TreeWatch() { stop(); }
    TreeWatch(const TreeWatch&) = delete;
    TreeWatch& operator=(const TreeWatch&) = delete;

    /// Tells what is watched: `run` with this watch's intervals and time, and the devices. Samples
    /// `first`, which was just started or is the root, at once. Times count from `start`.
    void begin(pid_t first, Clock::time_point start, RecordedRun run);
    /// Samples once, after a look for processes where that is due.
    void step();
    /// Steps in intervals until `wait_until`, which waits up to a time, says that it is over.
    void follow(const std::function<bool(Clock::time_point)>& wait_until);
    /// No sample is told any more.
    void stop();
    /// Tells how it ended, with the time, the cost and the processes filled in. Stops it.
    void end(RecordedEnd end);

    /// The largest total of the host that was told.
    [[nodiscard]] Bytes most() const { return most_; }

private:
    [[nodiscard]] RecordedTime now() const {
        return std::chrono::duration_cast<RecordedTime>(Clock::now() - start_);
    }
    void tell_devices();
    [[nodiscard]] Clock::duration look();
    void begin_host_row();
    void sample();
    void tell_high_water_marks();

    WatchOptions options_;
    std::shared_ptr<RecordFan> fan_;  ///< the thread that samples GPUs may outlive this
    ProcessTree tree_;
    std::mutex tree_mutex_;
    std::unique_ptr<CgroupSampler> cgroup_;
    std::unique_ptr<GpuSampler> gpus_;
    Clock::time_point start_;
    Clock::time_point next_look_;
    std::chrono::microseconds spent_before_{};
    std::optional<Bytes> free_;
    RecordedRow row_;
    Bytes most_;
};

/// Two of the kernel's figures for the same pages differ by less.
inline constexpr Bytes counting_noise = 1_MiB;

}  // namespace hexcore
