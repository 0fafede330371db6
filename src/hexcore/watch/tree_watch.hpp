#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/recording/recording.hpp"
#include "hexcore/watch/alerts.hpp"
#include "hexcore/watch/cgroup_sampler.hpp"
#include "hexcore/watch/gpu_sampler.hpp"
#include "hexcore/watch/process_tree.hpp"
#include "hexcore/watch/record_fan.hpp"
#include "hexcore/watch/shared_pages_sampler.hpp"
#include "hexcore/watch/told_source.hpp"

namespace hexcore {

struct WatchOptions {
    std::vector<std::string> command = {};  ///< the program first
    std::string writer = {};                ///< who writes the recording, such as "hexcore 0.1.0"
    std::chrono::microseconds interval{100'000};
    std::chrono::microseconds gpu_interval{500'000};
    GpuProbeOptions gpus = {};
    bool sample_gpus = true;
    Bytes alert_bytes = {};  ///< above what a device had at the start; 0: no alerts
    /// Called for each by the thread that steps. A mark in the recording says the same.
    std::function<void(const Alert&)> alert = {};
    bool stacks = false;  ///< programs tell the call stack of each allocation
    /// Whose time and memory are the cost: all of this process's, which does nothing else, or the
    /// time of the thread alone that steps.
    enum class CostOf : std::uint8_t { process, thread } cost_of = CostOf::process;
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

    /// Listens to what programs tell of themselves, from begin() on.
    [[nodiscard]] const ToldSource& let_programs_tell();
    /// Tells what is watched: `run` with this watch's intervals and time, and the devices. Samples
    /// `first`, which was just started or is the root, at once. Times count from `start`.
    void begin(pid_t first, Clock::time_point start, RecordedRun run);
    /// Samples once, after a look for processes where that is due. What programs tell comes before.
    void step();
    /// Steps in intervals until `wait_until`, which waits up to a time, says that it is over. It
    /// may be asked more often.
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
    void leave_out_what_was_before();
    [[nodiscard]] Clock::duration look();
    void begin_host_row();
    [[nodiscard]] bool listen_until(Clock::time_point time,
                                    const std::function<bool(Clock::time_point)>& wait_until);
    [[nodiscard]] std::chrono::microseconds cost() const;
    void listen();
    void tell_alerts();
    void begin_counting_once();
    void sample();
    void tell_high_water_marks();

    /// Marks ask for a look at what is shared.
    class MarkSink final : public RecordSink {
    public:
        explicit MarkSink(const TreeWatch& watch) : watch_(watch) {}
        void run(const RecordedRun& /*run*/) override {}
        void device(const RecordedDevice& /*device*/) override {}
        void row(const RecordedRow& /*row*/) override {}
        void thinned(RecordedTime /*from*/, std::chrono::microseconds /*bucket*/) override {}
        void end(const RecordedEnd& /*end*/) override {}
        void mark(const RecordedMark& /*mark*/) override {
            if (watch_.shared_pages_ != nullptr) {
                watch_.shared_pages_->ask();
            }
        }

    private:
        const TreeWatch& watch_;
    };

    WatchOptions options_;
    AlertSink alerts_;
    MarkSink marks_{*this};
    std::shared_ptr<RecordFan> fan_;  ///< the thread that samples GPUs may outlive this
    ProcessTree tree_;
    std::mutex tree_mutex_;
    std::unique_ptr<CgroupSampler> cgroup_;
    std::unique_ptr<GpuSampler> gpus_;
    std::unique_ptr<SharedPagesSampler> shared_pages_;  ///< null: the kernel does not tell
    Clock::time_point start_;
    Clock::time_point next_look_;
    std::unique_ptr<ToldSource> told_;          ///< null: nobody is listened to
    std::chrono::microseconds spent_before_{};  ///< what cost() was at the beginning
    RecordedTime heard_{};                      ///< nothing that is told is older
    ProcessRef first_;
    std::uint64_t n_alerts_ = 0;
    std::optional<Bytes> free_;
    RecordedRow row_;
    Bytes most_;
};

/// For a process that does nothing but watch: a file that has grown too large, or a reader that
/// went away, does not end it, and it may open a file for each process. A command is started
/// before.
void prepare_to_watch();

}  // namespace hexcore
