#include "hexcore/watch/tree_watch.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <ctime>
#include <utility>

#include "hexcore/device/host_memory.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/recording/told_records.hpp"
#include "hexcore/watch/device_numbers.hpp"

namespace hexcore {
namespace {

using std::chrono::microseconds;

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
/// a program: not this one, which has an end to tell.
void outlive_failed_writes() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

/// A descriptor for each process. A command has been started with the limit as it was.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        constexpr rlim_t enough = recorded_processes_max + 256;
        limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, enough));
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

microseconds time_of_this_thread() {
    timespec time{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return microseconds(std::int64_t{time.tv_sec} * 1'000'000 + time.tv_nsec / 1000);
}

}  // namespace

void prepare_to_watch() {
    outlive_failed_writes();
    raise_descriptor_limit();
}

TreeWatch::TreeWatch(WatchOptions options, pid_t root_parent, std::vector<RecordSink*> sinks)
    : options_(std::move(options)), alerts_(options_.alert_bytes), tree_(root_parent) {
    sinks.insert(sinks.end(), {&alerts_, &marks_});
    fan_ = std::make_shared<RecordFan>(std::move(sinks));
    row_.parts.reserve(recorded_processes_max);
}

const ToldSource& TreeWatch::let_programs_tell() {
    told_ = std::make_unique<ToldSource>();
    return *told_;
}

microseconds TreeWatch::cost() const {
    if (options_.cost_of == WatchOptions::CostOf::process) {
        return time_of_this_process();
    }
    return time_of_this_thread() +
           (shared_pages_ == nullptr ? microseconds(0) : shared_pages_->spent());
}

void TreeWatch::begin(pid_t first, Clock::time_point start, RecordedRun run) {
    start_ = start;
    spent_before_ = cost();
    tree_.expect(first);
    first_ = tree_.find(static_cast<std::uint32_t>(first));
    if (told_) {
        told_->begin(start_, tree_, tree_mutex_);
    }
    run.interval = options_.interval;
    run.gpu_interval = options_.gpu_interval;
    const auto unix_now = std::chrono::system_clock::now().time_since_epoch();
    run.started_unix_ms = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(unix_now).count());
    fan_->run(run);
    tell_devices();
    if (run.attached_pid != 0) {
        leave_out_what_was_before();
    }
    sample();  // at once: it may be over soon
    begin_counting_once();
    next_look_ = Clock::now();
    if (!options_.sample_gpus) {
        return;
    }
    gpus_ =
        std::make_unique<GpuSampler>(GpuSampling{.interval = options_.gpu_interval,
                                                 .start = start_,
                                                 .first_device = first_gpu_number,
                                                 .probe = options_.gpus,
                                                 .find =
                                                     [this](std::uint32_t pid) {
                                                         const std::lock_guard lock(tree_mutex_);
                                                         return tree_.find(pid);
                                                     }},
                                     fan_);
}

void TreeWatch::begin_counting_once() {
    shared_pages_ = SharedPagesSampler::make({.start = start_,
                                              .list =
                                                  [this](std::vector<std::uint32_t>& pids) {
                                                      const std::lock_guard lock(tree_mutex_);
                                                      for (const auto& each : tree_.processes()) {
                                                          pids.push_back(each->process->pid);
                                                      }
                                                  }},
                                             fan_);
}

/// The kernel's marks of processes that ran already are of before they were watched, too.
void TreeWatch::leave_out_what_was_before() {
    tree_.look();
    for (const auto& process : tree_.processes()) {
        process->largest = process->high_water;
    }
}

void TreeWatch::tell_devices() {
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

void TreeWatch::step() {
    if (Clock::now() >= next_look_) {
        next_look_ = Clock::now() + look();
    }
    sample();
}

void TreeWatch::follow(const std::function<bool(Clock::time_point)>& wait_until) {
    auto next = Clock::now();
    do {
        step();
        next = std::max(next + options_.interval, Clock::now());
    } while (!listen_until(next, wait_until));
    stop();
}

/// A ring has room for half a second of the most that a program tells.
bool TreeWatch::listen_until(Clock::time_point time,
                             const std::function<bool(Clock::time_point)>& wait_until) {
    constexpr std::chrono::milliseconds between(100);
    while (told_ && Clock::now() + between < time) {
        if (wait_until(Clock::now() + between)) {
            return true;
        }
        listen();
    }
    return wait_until(time);
}

void TreeWatch::listen() {
    heard_ = now();
    if (told_) {
        told_->listen(heard_, *fan_);
    }
}

/// By the thread that tells what programs tell, whose marks they are among.
void TreeWatch::tell_alerts() {
    for (const Alert& alert : alerts_.take()) {
        const ProcessRef& process = alert.process == nullptr ? first_ : alert.process;
        if (process != nullptr) {
            // Programs' texts have numbers from 1 on.
            constexpr std::uint64_t first_number = 1ULL << 62U;
            const auto text = std::make_shared<RecordedText>(
                RecordedText{first_number + n_alerts_++, alert_text(alert)});
            fan_->mark({heard_, process, text});
        }
        if (options_.alert) {
            options_.alert(alert);
        }
    }
}

void TreeWatch::stop() {
    if (gpus_) {
        gpus_->stop();
    }
    if (shared_pages_) {
        shared_pages_->stop();
    }
}

/// Returns how long until the next. What a look takes depends on all that runs on the machine; so
/// the time between two depends on that: a four-hundredth at most is spent on them.
TreeWatch::Clock::duration TreeWatch::look() {
    const auto begin = Clock::now();
    {
        const std::lock_guard lock(tree_mutex_);
        tree_.look();
    }
    if (const auto memory = probe_host_memory()) {
        free_ = memory->available;
    }
    tell_high_water_marks();
    const Clock::duration least = options_.interval;
    constexpr Clock::duration most = std::chrono::seconds(10);
    return std::clamp((Clock::now() - begin) * 400, std::min(least, most), most);
}

void TreeWatch::begin_host_row() {
    row_.device = host_number;
    row_.time = now();
    row_.free = free_;
    row_.parts.clear();
    tree_.add_parts(row_.parts);
}

void TreeWatch::sample() {
    listen();  // so that the labels which are open at a row were told before it
    {
        const std::lock_guard lock(tree_mutex_);  // names are read, which other threads look up
        tree_.sample();
    }
    begin_host_row();
    most_ = std::max(most_, row_.total());
    fan_->row(row_);
    if (cgroup_) {
        cgroup_->sample(row_.time, *fan_);
    }
    tell_alerts();
    if (shared_pages_) {
        shared_pages_->sampled(row_.time, row_.total());
    }
}

/// Between two samples a process may have had more. The kernel keeps that; what the others had then
/// is not known, and taken from the last sample.
void TreeWatch::tell_high_water_marks() {
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

void TreeWatch::end(RecordedEnd end) {
    stop();
    if (told_) {
        heard_ = now();
        told_->finish(heard_, *fan_);
        end.notes += told_->notes();
    }
    tell_alerts();
    end.cost = cost() - spent_before_;
    tree_.look();
    end.time = now();
    if (options_.cost_of == WatchOptions::CostOf::process) {
        end.own_memory = high_water_of_process({}, "self").value_or(Bytes());
    }
    end.processes = std::max<std::uint64_t>(tree_.found(), 1);
    end.missed = tree_.missed();
    if (cgroup_) {
        cgroup_->tell_peak(end.time, *fan_);
    }
    const std::size_t living = tree_.processes().size();
    if (living > 0 && end.ending != RecordedEnding::running) {
        end.notes +=
            fmt::format("{} of its processes live on, and were no longer watched. ", living);
    }
    fan_->end(end);
}

}  // namespace hexcore
