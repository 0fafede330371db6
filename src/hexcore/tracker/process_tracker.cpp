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

std::atomic<pid_t> tracked_process{0};  ///< 0: none
std::atomic<ProcessTracker*> running_tracker{nullptr};

/// Not every file system has files without a name; there it loses its own at once.
int open_nameless(const std::filesystem::path& folder) {
    const int file = ::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR)) {
        return file;
    }
    std::string path = folder / "hexcore-XXXXXX";
    const int named = ::mkostemp(path.data(), O_CLOEXEC);
    if (named >= 0) {
        ::unlink(path.c_str());
    }
    return named;
}

Result<FileDescriptor> nameless_file() {
    std::error_code error;
    const std::filesystem::path folder = std::filesystem::temp_directory_path(error);
    if (error) {
        return fail(ErrorCode::negative, "there is no folder for temporary files: {}",
                    error.message());
    }
    FileDescriptor file(open_nameless(folder));
    if (!file.is_open()) {
        return fail(ErrorCode::negative, "no file for the recording can be made in {}: {}",
                    folder.string(), std::strerror(file.open_error()));
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
            .alert_bytes = options.alert_bytes,
            .alert = options.alert,
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

Result<ProcessTracker::Owned> ProcessTracker::start(ProcessTrackerOptions options) {
    const pid_t process = ::getpid();
    if (tracked_process.exchange(process) == process) {
        return fail(ErrorCode::negative,
                    "a tracker of this process runs already; stop it before another is started");
    }
    const auto begin = [&]() -> Result<Owned> {
        HEXCORE_TRY(file, recording_file(options.recording));
        HEXCORE_TRY(writer,
                    RecordingWriter::make(FileDescriptor(::fcntl(file.get(), F_DUPFD_CLOEXEC, 0))));
        Owned tracker(new ProcessTracker(std::move(options), std::move(file), std::move(writer)));
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
        tracked_process = 0;
    }
    return tracker;
}

ProcessTracker::ProcessTracker(ProcessTrackerOptions options, FileDescriptor file,
                               std::unique_ptr<RecordingWriter> writer)
    : options_(std::move(options)),
      file_(std::move(file)),
      writer_(std::move(writer)),
      fan_({&analysis_, writer_.get()}),
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

ProcessTracker* ProcessTracker::running() {
    ProcessTracker* tracker = running_tracker;
    return tracker == nullptr || tracker->is_of_a_parent() ? nullptr : tracker;
}

void ProcessTracker::Remove::operator()(ProcessTracker* tracker) const {
    if (!tracker->is_of_a_parent()) {
        delete tracker;
    }
}

bool ProcessTracker::is_of_a_parent() const { return ::getpid() != owner_; }

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
    tree_.follow([this](Clock::time_point time) { return wait_until(time); });
    tree_.step();
    tree_.end({.ending = RecordedEnding::running});
}

bool ProcessTracker::wait_until(Clock::time_point time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, time, [this] { return is_stopping_; });
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
    if (has_stopped_ || is_of_a_parent()) {
        return;
    }
    has_stopped_ = true;
    running_tracker = nullptr;
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
    tracked_process = 0;
}

}  // namespace hexcore
