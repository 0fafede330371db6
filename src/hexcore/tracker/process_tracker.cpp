#include "hexcore/tracker/process_tracker.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "hexcore/device/memory_holder.hpp"
#include "hexcore/recording/recordings_folder.hpp"
#include "hexcore/report/recording_report.hpp"
#include "hexcore/track/teller.hpp"
#include "hexcore/watch/redaction.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;

std::atomic<bool> is_tracked{false};
std::atomic<ProcessTracker*> running_tracker{nullptr};

Result<FileDescriptor> nameless_file() {
    const std::filesystem::path folder = std::filesystem::temp_directory_path();
    FileDescriptor file(::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
    if (!file.is_open()) {
        return fail(ErrorCode::negative, "no file for the recording can be made in {}: {}",
                    folder.string(), std::strerror(errno));
    }
    return file;
}

Result<FileDescriptor> recording_file(const std::filesystem::path& path) {
    if (path.empty()) {
        return nameless_file();
    }
    HEXCORE_TRY(made, recording_at(path));
    return std::move(made.file);
}

WatchOptions watch_options(const ProcessTrackerOptions& options) {
    return {.interval = options.interval,
            .gpu_interval = options.interval,
            .sample_gpus = options.gpus,
            .cost_of = WatchOptions::CostOf::thread};
}

/// Signals are for the program's own threads; a file that has grown too large is an error here, not
/// the program's end.
void hold_all_signals() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Result<std::unique_ptr<ProcessTracker>> ProcessTracker::start(ProcessTrackerOptions options) {
    if (is_tracked.exchange(true)) {
        return fail(ErrorCode::negative,
                    "a tracker of this process runs already; stop it before another is started");
    }
    const auto begin = [&]() -> Result<std::unique_ptr<ProcessTracker>> {
        HEXCORE_TRY(file, recording_file(options.recording));
        HEXCORE_TRY(writer,
                    RecordingWriter::make(FileDescriptor(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0))));
        std::unique_ptr<ProcessTracker> tracker(
            new ProcessTracker(std::move(options), std::move(file), std::move(writer)));
        try {
            tracker->thread_ = std::thread([&running = *tracker] { running.watch(); });
        } catch (const std::system_error& error) {
            return fail(ErrorCode::does_not_fit, "no thread can be started: {}", error.what());
        }
        std::unique_lock lock(tracker->mutex_);
        tracker->changed_.wait(lock, [&] { return tracker->has_begun_; });
        lock.unlock();
        running_tracker = tracker.get();
        return tracker;
    };
    auto tracker = begin();
    if (!tracker) {
        is_tracked = false;
    }
    return tracker;
}

ProcessTracker::ProcessTracker(ProcessTrackerOptions options, FileDescriptor file,
                               std::unique_ptr<RecordingWriter> writer)
    : options_(std::move(options)),
      file_(std::move(file)),
      writer_(std::move(writer)),
      alerts_(options_.alert_bytes),
      fan_({&analysis_, writer_.get(), &alerts_}),
      tree_(watch_options(options_), ::getpid(), {&fan_}),
      owner_(::getpid()) {
    if (!options_.told) {
        return;
    }
    const WatchFolder* folder = tree_.let_programs_tell().folder();
    if (folder == nullptr) {
        return;
    }
    const std::string path = folder->path().string();
    listens_inside_ = Teller::of_process().listen_in(path);
    // So that children tell as well, unless they tell a watcher outside.
    if (std::getenv(watch_variable) == nullptr) {
        set_variable_ = ::setenv(watch_variable, path.c_str(), 1) == 0;
    }
}

ProcessTracker* ProcessTracker::running() { return running_tracker; }

ProcessTracker::~ProcessTracker() { stop(); }

void ProcessTracker::watch() {
    hold_all_signals();
    const auto pid = static_cast<std::uint32_t>(::getpid());
    tree_.begin(::getpid(), Clock::now(),
                {.writer = "hexcore tracker",
                 .command = without_secrets(command_words({}, "/proc/self")),
                 .attached_pid = pid});
    {
        const std::lock_guard lock(mutex_);
        has_begun_ = true;
    }
    changed_.notify_all();
    tree_.follow([this](Clock::time_point time) {
        alert();
        return wait_until(time);
    });
    tree_.step();
    tree_.end({.ending = RecordedEnding::running});
    alert();
}

bool ProcessTracker::wait_until(Clock::time_point time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, time, [this] { return is_stopping_; });
}

void ProcessTracker::alert() {
    for (const Alert& alert : alerts_.take()) {
        if (options_.alert) {
            options_.alert(alert);
        }
    }
}

WatchFindings ProcessTracker::findings() {
    return fan_.alone([this] { return analysis_.findings(); });
}

Result<void> ProcessTracker::picture(const std::string& path) {
    HEXCORE_TRY(report, recording_report_for(path));
    fan_.alone([this] { writer_->flush(); });
    HEXCORE_TRY(read, report(fmt::format("/proc/self/fd/{}", file_.get()), path));
    static_cast<void>(read);
    return {};
}

void ProcessTracker::stop() {
    if (has_stopped_) {
        return;
    }
    has_stopped_ = true;
    running_tracker = nullptr;
    if (::getpid() != owner_) {  // a child that was forked has no such thread
        thread_.detach();
        return;
    }
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
    if (listens_inside_) {
        Teller::of_process().stop_in();
    }
    if (set_variable_) {
        ::unsetenv(watch_variable);
    }
    is_tracked = false;
}

}  // namespace hexcore
