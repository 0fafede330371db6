#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/cage/guards.hpp"
#include "hexcore/cage/limits.hpp"
#include "hexcore/cage/outcome.hpp"

namespace hexcore {

/// Where a caged command's stdin, stdout, stderr and signals of the terminal are from.
enum class CagePlace : std::uint8_t {
    /// A session of its own, nothing on stdin, stdout and stderr into the outcome, and no other
    /// descriptor of this process.
    apart,
    foreground,  ///< all this process's, as if the command had been started in its place
};

/// Whose /dev/shm and System V segments a caged command has.
enum class CageShares : std::uint8_t {
    own,         ///< its own, where the guards allow that
    of_machine,  ///< everybody's, as it is to share them with other cages
};

struct CageCommand {
    std::vector<std::string> words;        ///< the program first, looked for in PATH
    std::vector<std::string> environment;  ///< all of it, each NAME=value
    std::filesystem::path folder = {};     ///< where it starts; empty: here
    /// A folder that the caller made, and removes. `tmp` in it becomes the command's TMPDIR; what
    /// is there in the end is residue, and removed. Where this process is killed, all of it is.
    /// Empty: it keeps its TMPDIR.
    std::filesystem::path scratch = {};
    /// What begins so in TMPDIR is its framework's own: it is removed as well, and not told.
    std::string untold_prefix = {};
    CagePlace place = CagePlace::apart;
    CageShares shares = CageShares::own;
    /// What it leaves behind when it ends lives on, until Cage::let_go().
    bool keeps = false;
    /// Is told what it writes to stdout and stderr, as that is read in step(); not in the
    /// foreground.
    std::function<void(std::string_view)> on_output = {};
};

/// One command with all processes that come of it, within limits. When it is over nothing of it
/// runs any more: its processes are ended however they hide (sessions of their own, orphans,
/// stopped ones), also where this process is killed. For one thread at a time.
class Cage {
public:
    virtual ~Cage() = default;  ///< kills it, and does not wait for that
    Cage(const Cage&) = delete;
    Cage& operator=(const Cage&) = delete;

    /// When one of them is readable step() has something to do. They change with each step().
    [[nodiscard]] virtual std::vector<int> descriptors() const = 0;
    /// Takes what has come. True: it is over, and outcome() is whole.
    virtual bool step() = 0;
    /// Reads what its processes have just now, and enforces limits where the guard is polling; also
    /// ends a step that a process refuses to (one hanging in the kernel). To be called every 10 to
    /// 100 ms, or as soon as next_sample_in() says.
    virtual void sample() = 0;
    /// When the next sample ought to be: 1 ms near a limit that is polled, 100 ms far from it.
    [[nodiscard]] virtual std::chrono::milliseconds next_sample_in() const = 0;

    /// The command's own process; 0 before it is known.
    [[nodiscard]] virtual pid_t pid() const = 0;
    [[nodiscard]] virtual Bytes held() const = 0;  ///< at the last sample
    [[nodiscard]] virtual Bytes peak() const = 0;  ///< since its start, or forget_peak()
    virtual void forget_peak() = 0;
    /// Its processes, the largest first.
    [[nodiscard]] virtual std::vector<MemoryOwner> owners() const = 0;

    /// What a GPU's driver says: the memory of those of `holders` that are in here counts as the
    /// cage's, and is held to the limit of `device`.
    virtual void take_device_reading(const std::string& device,
                                     const std::vector<MemoryOwner>& holders) = 0;
    /// Other limits from now on, for the next of several things that one process does.
    [[nodiscard]] virtual Result<void> change_limits(const CageLimits& limits) = 0;

    /// SIGTERM to its process group, and SIGCONT.
    virtual void ask_to_end(EndedByUs why) = 0;
    /// All of its processes end now. Where that is not so after 15 s of samples (one hangs in the
    /// kernel, or what was to fork it does not answer), it is over all the same.
    virtual void kill(EndedByUs why) = 0;
    /// To the command's own process.
    virtual void send_signal(int signal) = 0;
    /// Whether a signal of the terminal has stopped it; once for each time. In the foreground.
    [[nodiscard]] virtual bool take_stopped() = 0;

    /// Its own process has ended, and what that left may live on: of a command that keeps.
    [[nodiscard]] virtual bool is_kept() const { return false; }
    /// What was kept has a moment to end by itself, and is ended then: residue.
    virtual void let_go() {}

    /// What is known by now.
    [[nodiscard]] virtual const CageOutcome& outcome() const = 0;

protected:
    Cage() = default;
};

/// A cage for a process that somebody else forks: a child of a fork server forks the process, which
/// starts a session of its own and waits; then the child becomes the supervisor, by exec. Once the
/// outcome says that it has begun, the process may go on.
struct AdoptedCage {
    std::unique_ptr<Cage> cage;
    std::vector<std::string> words;  ///< the supervisor's; in place of "{PID}" the process's pid
    std::vector<FileDescriptor> descriptors;  ///< for the supervisor; to be closed here then
    std::vector<int> numbers;                 ///< which number each of them has to have there
    FileDescriptor output;  ///< for stdout and stderr of the process; to be closed here then
};

/// Where an adopted process has its temporary files: `scratch` and `untold_prefix` as of a
/// CageCommand. Whoever forks it sets TMPDIR.
struct AdoptedFiles {
    std::filesystem::path scratch = {};
    std::string untold_prefix = {};
};

struct YardOptions {
    /// hexcore-supervisor; empty: beside this program, or where it is installed.
    std::filesystem::path supervisor = {};
    // Instead of the best that there is; for tests, and to prove each of them.
    std::optional<MemoryGuard> memory = {};
    std::optional<KillGuard> kill = {};
    std::optional<ShareGuard> share = {};
};

/// Where cages are made: knows what protects on this machine, has the control groups that cages
/// take turns with, and removes those of yards whose processes were killed. As long as it lives,
/// orphans of its process's children become this process's. Cages do not outlive it.
class CageYard {
public:
    /// Fails with ErrorCode::missing_device where a guard that was asked for is not there, and with
    /// ErrorCode::usage where there is no supervisor.
    [[nodiscard]] static Result<std::unique_ptr<CageYard>> open(const YardOptions& options);
    virtual ~CageYard() = default;
    CageYard(const CageYard&) = delete;
    CageYard& operator=(const CageYard&) = delete;

    [[nodiscard]] virtual const Guards& guards() const = 0;
    /// Starts a command; why it could not be the program is in the outcome. Fails with
    /// ErrorCode::does_not_fit where the system refuses a process, a file or a control group, and
    /// with ErrorCode::usage where no program could start within the limits.
    [[nodiscard]] virtual Result<std::unique_ptr<Cage>> start(const CageCommand& command,
                                                              const CageLimits& limits) = 0;
    [[nodiscard]] virtual Result<AdoptedCage> prepare(const CageLimits& limits,
                                                      const AdoptedFiles& files) = 0;

protected:
    CageYard() = default;
};

}  // namespace hexcore
