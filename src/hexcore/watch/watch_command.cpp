#include "hexcore/watch/watch_command.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <utility>

#include "hexcore/device/cgroup_events.hpp"
#include "hexcore/device/host_memory.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/watch/cgroup_sampler.hpp"
#include "hexcore/watch/ended_by.hpp"
#include "hexcore/watch/gpu_sampler.hpp"
#include "hexcore/watch/process_tree.hpp"
#include "hexcore/watch/redaction.hpp"

namespace hexcore {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

constexpr std::uint32_t host_number = 0;
constexpr std::uint32_t cgroup_number = 1;
constexpr std::uint32_t first_gpu_number = 2;
/// Two of the kernel's figures for the same pages differ by less.
constexpr Bytes counting_noise = 1_MiB;

/// What this process, with all its threads, has taken of the processor.
microseconds time_of_this_process() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto in_us = [](const timeval& time) {
        return microseconds(std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec);
    };
    return in_us(usage.ru_utime) + in_us(usage.ru_stime);
}

/// What follows a signal by which a file that has grown too large, or a reader that went away, ends
/// a program: not this one, whose exit code is its command's.
void outlive_failed_writes() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

/// A descriptor for each process. The command has been started with the limit as it was.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        constexpr rlim_t enough = recorded_processes_max + 256;
        limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, enough));
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/// Watches one command from its start to its end.
class Watcher {
public:
    Watcher(const WatchOptions& options, std::vector<RecordSink*> sinks)
        : options_(options),
          // The thread that samples GPUs may outlive it.
          fan_(std::make_shared<RecordFan>(std::move(sinks))),
          tree_(::getpid()) {
        row_.parts.reserve(recorded_processes_max);
    }

    Result<CommandEnd> run() {
        events_before_ = cgroup_events();
        const Bytes own = high_water_of_process({}, "self").value_or(Bytes());
        HEXCORE_TRY(command, ForegroundCommand::start(options_.command));
        start_ = steady_clock::now();
        outlive_failed_writes();
        raise_descriptor_limit();
        const microseconds spent_before = time_of_this_process();
        if (command->begins()) {
            tree_.expect(command->pid());
            tell_start();
            sample();  // at once: it may be over soon
            follow(*command);
        }
        const bool ended = command->wait_until(steady_clock::time_point::max());
        HEXCORE_CHECK(ended, command->pid(), ended);
        HEXCORE_TRY(end, command->end());
        tell_end(end, own, time_of_this_process() - spent_before);
        return end;
    }

private:
    [[nodiscard]] RecordedTime now() const {
        return std::chrono::duration_cast<RecordedTime>(steady_clock::now() - start_);
    }

    void tell_start() {
        const auto unix_now = std::chrono::system_clock::now().time_since_epoch();
        fan_->run({.writer = options_.writer,
                   .started_unix_ms = static_cast<std::uint64_t>(
                       std::chrono::duration_cast<std::chrono::milliseconds>(unix_now).count()),
                   .interval = options_.interval,
                   .gpu_interval = options_.gpu_interval,
                   .command = without_secrets(options_.command)});
        const auto memory = probe_host_memory();
        const HostMemory host = memory.value_or(HostMemory{});
        if (memory) {
            free_ = host.available;
        }
        fan_->device({.number = host_number,
                      .kind = RecordedKind::host,
                      .name = "host",
                      .description = "main memory",
                      .unit = Bytes(static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE))),
                      .total = host.cgroup_limit.value_or(host.total)});
        if (host.cgroup_limit) {
            cgroup_ = CgroupSampler::open(cgroup_number, host.cgroup_path, *host.cgroup_limit);
        }
        if (cgroup_) {
            fan_->device(cgroup_->device());
        }
    }

    void follow(ForegroundCommand& command) {
        GpuSampler gpus({.interval = options_.gpu_interval,
                         .start = start_,
                         .first_device = first_gpu_number,
                         .probe = options_.gpus,
                         .find =
                             [this](std::uint32_t pid) {
                                 const std::lock_guard lock(tree_mutex_);
                                 return tree_.find(pid);
                             }},
                        fan_);
        auto next = steady_clock::now();
        auto next_look = next;
        do {
            if (steady_clock::now() >= next_look) {
                next_look = steady_clock::now() + look();
            }
            sample();
            next = std::max(next + options_.interval, steady_clock::now());
        } while (!command.wait_until(next));
        gpus.stop();
    }

    /// Returns how long until the next. What a look takes depends on all that runs on the machine;
    /// so the time between two depends on that: a two-hundredth at most is spent on them.
    steady_clock::duration look() {
        const auto begin = steady_clock::now();
        {
            const std::lock_guard lock(tree_mutex_);
            tree_.look();
        }
        if (const auto memory = probe_host_memory()) {
            free_ = memory->available;
        }
        tell_high_water_marks();
        const steady_clock::duration least = options_.interval;
        constexpr steady_clock::duration most = std::chrono::seconds(10);
        return std::clamp((steady_clock::now() - begin) * 200, std::min(least, most), most);
    }

    void begin_host_row() {
        row_.device = host_number;
        row_.time = now();
        row_.free = free_;
        row_.parts.clear();
        tree_.add_parts(row_.parts);
    }

    void sample() {
        tree_.sample();
        begin_host_row();
        most_ = std::max(most_, row_.total());
        fan_->row(row_);
        if (cgroup_) {
            cgroup_->sample(row_.time, *fan_);
        }
    }

    /// Between two samples a process may have had more. The kernel keeps that; what the others had
    /// then is not known, and taken from the last sample.
    void tell_high_water_marks() {
        for (const auto& process : tree_.processes()) {
            const bool was_sampled = process->largest > Bytes();
            if (!was_sampled || process->high_water <= process->largest + counting_noise) {
                continue;
            }
            process->largest = process->high_water;
            begin_host_row();
            for (RecordedPart& part : row_.parts) {
                if (part.process->number == process->process->number) {
                    part.bytes = process->high_water;
                }
            }
            if (row_.total() > most_) {
                most_ = row_.total();
                row_.sampled = false;
                fan_->row(row_);
                row_.sampled = true;
            }
        }
    }

    void tell_end(const CommandEnd& command, Bytes own, microseconds cost) {
        tree_.look();
        RecordedEnd end{.time = now(),
                        .signalled = command.signalled,
                        .code = command.code,
                        .cost = cost,
                        .own_memory = high_water_of_process({}, "self").value_or(Bytes()),
                        .processes = std::max<std::uint64_t>(tree_.found(), 1),
                        .missed = tree_.missed()};
        if (cgroup_) {
            cgroup_->tell_peak(end.time, *fan_);
        }
        // The child begins as a copy of this process, which counts for it.
        if (command.largest_process > std::max(own, most_) + counting_noise) {
            end.largest_process = command.largest_process;
        }
        if (command.signalled && command.code == SIGKILL) {
            const EndedBy by = ended_by(events_before_, cgroup_events());
            end.killed_by = by.killed_by;
            end.cgroup = by.cgroup;
        }
        if (const std::size_t living = tree_.processes().size(); living > 0) {
            end.notes +=
                fmt::format("{} of its processes live on, and were no longer watched. ", living);
        }
        fan_->end(end);
    }

    const WatchOptions& options_;
    std::shared_ptr<RecordFan> fan_;
    ProcessTree tree_;
    std::mutex tree_mutex_;
    std::unique_ptr<CgroupSampler> cgroup_;
    std::vector<CgroupEvents> events_before_;
    steady_clock::time_point start_;
    std::optional<Bytes> free_;
    RecordedRow row_;
    Bytes most_;  ///< the largest total of a row
};

}  // namespace

Result<CommandEnd> watch_command(const WatchOptions& options, std::vector<RecordSink*> sinks) {
    return Watcher(options, std::move(sinks)).run();
}

}  // namespace hexcore
