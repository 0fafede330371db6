#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/cage/limits.hpp"
#include "hexcore/cage/outcome.hpp"

namespace hexcore {

/// The control groups of one cage, a folder each; empty: it has none of that kind. Those of one
/// hierarchy that does several things are the same.
struct CellFolders {
    std::string kill;       ///< of version 2, with cgroup.kill
    std::string memory_v2;  ///< of version 2, with the memory controller
    std::string memory_v1;
    std::string processes;  ///< with the pids controller, of either version
};

/// Control groups that cages take turns with, since making and removing them takes the kernel
/// longer than setting them anew. Removed with this, unless somebody is in them.
class ControlCell {
public:
    /// Makes those that are not there. Fails with ErrorCode::does_not_fit.
    [[nodiscard]] static Result<std::unique_ptr<ControlCell>> make(const CellFolders& folders);
    ~ControlCell();
    ControlCell(const ControlCell&) = delete;
    ControlCell& operator=(const ControlCell&) = delete;

    /// For a command that starts: limits, and counts from zero.
    [[nodiscard]] Result<void> set_up(const CageLimits& limits);
    [[nodiscard]] Result<void> set_limits(const CageLimits& limits);
    /// Whether nothing of the last command is left in it that would count for the next.
    [[nodiscard]] bool is_clean() const;

    [[nodiscard]] std::vector<std::string> process_files() const;
    [[nodiscard]] std::string kill_file() const;  ///< empty: none
    [[nodiscard]] std::vector<std::string> folders() const;
    [[nodiscard]] bool limits_memory() const { return !memory().empty(); }

    /// What its processes hold, without the page cache.
    [[nodiscard]] std::optional<Bytes> held() const;
    /// Those in it, of any of its groups and of groups below them.
    [[nodiscard]] std::vector<pid_t> members() const;
    /// Readable when the limit was reached and its processes wait; -1: it says so otherwise.
    [[nodiscard]] int limit_event() const { return event_.get(); }
    /// Takes the event. Whether its processes wait at the limit.
    [[nodiscard]] bool waits_at_limit() const;
    /// How many of its processes the kernel has killed at the limit since set_up().
    [[nodiscard]] std::uint64_t killed_at_limit() const;
    /// How often one of its processes was refused another one at the limit since set_up().
    [[nodiscard]] std::uint64_t processes_refused() const;
    /// Whether the limit ended a process that had `peak`. In version 1 one at the limit is refused
    /// what is the kernel's own, as a thread's stack, rather than stopped, and may end itself for
    /// that before anybody sees that others wait.
    [[nodiscard]] bool has_ended(const CageOutcome& outcome, Bytes peak) const;

private:
    ControlCell(CellFolders folders, FileDescriptor event, FileDescriptor stat);
    [[nodiscard]] const std::string& memory() const {
        return folders_.memory_v2.empty() ? folders_.memory_v1 : folders_.memory_v2;
    }
    [[nodiscard]] Result<void> limit_memory(const std::optional<Bytes>& limit) const;
    [[nodiscard]] std::uint64_t oom_kills() const;
    [[nodiscard]] std::uint64_t refusals() const;
    [[nodiscard]] std::string failures_file() const {
        return folders_.memory_v1 + "/memory.failcnt";
    }

    CellFolders folders_;
    FileDescriptor event_;
    FileDescriptor stat_;
    std::uint64_t oom_kills_before_ = 0;
    std::uint64_t refusals_before_ = 0;  ///< of processes
    // What was set last.
    bool has_limits_ = false;
    std::optional<Bytes> memory_limit_;
    std::optional<std::uint32_t> processes_limit_;
};

/// Removes a group and those below it, as far as nobody is in them.
void remove_group(const std::string& folder);
/// Writes a small text to a file of a control group. Fails with ErrorCode::does_not_fit.
[[nodiscard]] Result<void> write_to_group(const std::string& file, const std::string& text);

}  // namespace hexcore
