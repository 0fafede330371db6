#include "hexcore/cage/limited_command.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "hexcore/cage/gpu_readings.hpp"
#include "hexcore/device/device_spec.hpp"

extern char** environ;

namespace hexcore {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

/// Signals to this process, taken as they come; as they were in the end.
class TakenSignals {
public:
    TakenSignals()
        : file_([this] {
              sigset_t taken;
              sigemptyset(&taken);
              for (const int signal :
                   {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT}) {
                  sigaddset(&taken, signal);
              }
              ::pthread_sigmask(SIG_BLOCK, &taken, &before_);
              return ::signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK);
          }()) {}
    ~TakenSignals() {
        signalfd_siginfo info{};
        while (::read(file_.get(), &info, sizeof(info)) == sizeof(info)) {
            // What came after the command's end is not this process's either.
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    TakenSignals(const TakenSignals&) = delete;
    TakenSignals& operator=(const TakenSignals&) = delete;

    [[nodiscard]] int descriptor() const { return file_.get(); }

    /// Those that only this process got go to the command; the terminal's reach the whole group.
    /// Whether this process has been told to go on.
    [[nodiscard]] bool pass_on(Cage& cage) const {
        signalfd_siginfo info{};
        bool goes_on = false;
        while (::read(file_.get(), &info, sizeof(info)) == sizeof(info)) {
            const auto number = static_cast<int>(info.ssi_signo);
            goes_on = goes_on || number == SIGCONT;
            if (number != SIGCONT && info.ssi_code != SI_KERNEL) {
                cage.send_signal(number);
            }
        }
        return goes_on;
    }

private:
    sigset_t before_{};
    FileDescriptor file_;
};

/// Asks a command that takes too long to end, and kills it where it does not.
class Deadline {
public:
    Deadline(std::optional<milliseconds> timeout, milliseconds grace)
        : grace_(grace), next_(timeout ? Clock::now() + *timeout : never) {}

    void enforce(Cage& cage) {
        if (Clock::now() < next_) {
            return;
        }
        if (asked_) {
            cage.kill(EndedByUs::timed_out);
            next_ = never;
        } else {
            cage.ask_to_end(EndedByUs::timed_out);
            asked_ = true;
            next_ = Clock::now() + grace_;
        }
    }
    [[nodiscard]] milliseconds left(milliseconds at_most) const {
        if (next_ == never) {
            return at_most;
        }
        const auto left = std::chrono::ceil<milliseconds>(next_ - Clock::now());
        return std::clamp(left, milliseconds(0), at_most);
    }

private:
    static constexpr Clock::time_point never = Clock::time_point::max();

    milliseconds grace_;
    Clock::time_point next_;
    bool asked_ = false;
};

/// A folder for a command's temporary files, where it is to have one.
class ScratchFolder {
public:
    explicit ScratchFolder(bool is_wanted) {
        std::error_code error;
        std::string name =
            (std::filesystem::temp_directory_path(error) / "hexcore-limit-XXXXXX").string();
        if (is_wanted && ::mkdtemp(name.data()) != nullptr) {
            path_ = name;
        }
    }
    ~ScratchFolder() {
        std::error_code error;
        if (!path_.empty()) {
            std::filesystem::remove_all(path_, error);
        }
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

void wait_for(const Cage& cage, int signals, milliseconds at_most) {
    std::vector<pollfd> files{{signals, POLLIN, 0}};
    for (const int file : cage.descriptors()) {
        files.push_back({file, POLLIN, 0});
    }
    (void)::poll(files.data(), files.size(), static_cast<int>(at_most.count()));
}

/// Until nothing of it is left.
void follow(Cage& cage, const LimitedCommand& command, GpuReadings* gpus) {
    const TakenSignals signals;
    Deadline deadline(command.timeout, command.grace);
    Clock::time_point next_sample = Clock::now();
    while (!cage.step()) {
        const bool goes_on = signals.pass_on(cage);
        if (cage.take_stopped()) {
            // Ctrl-Z stops this process, too; then it is here because both go on again.
            if (!goes_on) {
                ::kill(::getpid(), SIGSTOP);
            }
            cage.send_signal(SIGCONT);
        }
        deadline.enforce(cage);
        if (Clock::now() >= next_sample) {
            cage.sample();
            next_sample = Clock::now() + cage.next_sample_in();
        }
        if (gpus != nullptr) {
            gpus->give_to(cage);
        }
        wait_for(cage, signals.descriptor(), deadline.left(cage.next_sample_in()));
    }
}

bool limits_a_gpu(const CageLimits& limits) {
    return std::any_of(limits.devices.begin(), limits.devices.end(), [](const DeviceLimit& limit) {
        const auto name = parse_device_name(limit.device);
        return name && name->kind == DeviceKind::cuda;
    });
}

}  // namespace

Result<LimitedEnd> run_limited(const LimitedCommand& command) {
    HEXCORE_TRY(yard, CageYard::open(command.yard));
    const ScratchFolder scratch(command.own_temporary);
    if (command.own_temporary && scratch.path().empty()) {
        return fail(ErrorCode::negative, "no folder for temporary files can be made: {}",
                    std::strerror(errno));
    }
    CageCommand caged{.words = command.words,
                      .environment = {},
                      .scratch = scratch.path(),
                      .place = CagePlace::foreground};
    for (char** variable = environ; *variable != nullptr; ++variable) {
        caged.environment.emplace_back(*variable);
    }
    std::unique_ptr<GpuReadings> gpus;
    if (limits_a_gpu(command.limits)) {
        HEXCORE_TRY(begun, GpuReadings::begin(command.limits.devices));
        gpus = std::move(begun);
    }
    HEXCORE_TRY(cage, yard->start(caged, command.limits));
    follow(*cage, command, gpus.get());
    return LimitedEnd{cage->outcome(), yard->guards()};
}

Result<DeviceLimit> parse_device_limit(const std::string& text) {
    const std::size_t equals = text.rfind('=');
    if (equals == std::string::npos) {
        return fail(ErrorCode::usage, "'{}' is no limit of a device, as host=320MiB is", text);
    }
    std::string device = text.substr(0, equals);
    if (device == "host") {
        device = "host0";
    }
    if (!parse_device_name(device)) {
        return fail(ErrorCode::usage, "'{}' is no device, as host, host1 and cuda:0 are", device);
    }
    HEXCORE_TRY(limit, parse_bytes(text.substr(equals + 1)));
    return DeviceLimit{std::move(device), limit};
}

}  // namespace hexcore
