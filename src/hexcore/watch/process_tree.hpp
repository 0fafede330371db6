#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/device/proc_root.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Two of the kernel's figures for the same pages differ by less.
inline constexpr Bytes counting_noise = 1_MiB;

/// A process in the tree.
struct WatchedProcess {
    ProcessRef process;
    FileDescriptor statm;     ///< kept open: reading it takes a fifth of the time then
    Bytes resident = {};      ///< at the last sample
    Bytes largest = {};       ///< of all samples, and of high-water marks that were told
    Bytes high_water = {};    ///< as the kernel has it, at the last look
    std::string name = {};    ///< of its program, as the kernel has it, at the last look
    Bytes named_at = {};      ///< what it had when its command was read
    std::uint32_t looks = 0;  ///< since it became this program
};

/// The processes that descend from one, without this one, and what each has in memory. Finding them
/// takes a look at all processes of the machine; what they have, one read each. Takes what it needs
/// for the most processes when it is made.
class ProcessTree {
public:
    explicit ProcessTree(pid_t root_parent);

    /// Adds one that was just started, before it is found.
    void expect(pid_t child);
    /// Finds processes that are new, forgets those that have ended, and reads names and high-water
    /// marks.
    void look();
    /// Reads what each has now, and anew what those are that have much more than when they were
    /// named: they may have become other programs since the last look.
    void sample();

    [[nodiscard]] const std::vector<std::unique_ptr<WatchedProcess>>& processes() const {
        return processes_;
    }
    /// Appends those that have something, by rising number.
    void add_parts(std::vector<RecordedPart>& parts) const;
    /// Null: it is not in the tree.
    [[nodiscard]] ProcessRef find(std::uint32_t pid) const;
    /// One that tells of itself before it was found: it is added where it descends from those that
    /// are watched. Otherwise, as when it was over too soon, it is only given a number.
    [[nodiscard]] ProcessRef add_unseen(std::uint32_t pid);

    [[nodiscard]] std::uint64_t found() const { return found_; }
    /// Found when there were too many already, or this process could open no more files.
    [[nodiscard]] std::uint64_t missed() const { return missed_; }

private:
    struct Candidate {
        pid_t pid = 0;
        pid_t parent = 0;
    };
    [[nodiscard]] bool may_have_new_ones();
    void find_new_ones();
    void find_candidates();
    void add(pid_t pid);
    void read_facts(WatchedProcess& process) const;
    void read_command(WatchedProcess& process, Bytes has_now) const;
    [[nodiscard]] bool has(pid_t pid) const;

    ProcRoot proc_;
    pid_t root_parent_;
    pid_t own_;
    Bytes page_;
    std::vector<std::unique_ptr<WatchedProcess>> processes_;
    std::vector<pid_t> pids_;    ///< of the machine, at the last look; sorted
    std::vector<pid_t> others_;  ///< of them, looked at twice and not in the tree; sorted
    std::vector<pid_t> fresh_;   ///< of them, looked at once and not in the tree; sorted
    std::vector<Candidate> candidates_;
    FileDescriptor latest_pid_file_{"/proc/sys/kernel/ns_last_pid"};
    std::optional<std::uint64_t> latest_pid_;  ///< that the kernel gave, before the last search
    std::uint64_t n_looks_ = 0;
    bool is_whole_look_ = true;  ///< those that are known are read, too
    std::uint64_t found_ = 0;
    std::uint64_t too_many_ = 0;  ///< at this look
    std::uint64_t missed_ = 0;
};

}  // namespace hexcore
