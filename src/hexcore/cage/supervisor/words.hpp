#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/supervisor/share_watch.hpp"
#include "hexcore/cage/supervisor/short_turns.hpp"

namespace hexcore {

/// What is there before it is known what for.
struct SupervisionReady {
    pid_t parent = -1;                   ///< the process that starts the command
    FileDescriptor hearing;              ///< where it says how that goes
    std::unique_ptr<ShareWatch> shares;  ///< null: both have namespaces of their own
};

/// What the supervisor is to do, as its words say; they come from a Cage, never from people. The
/// texts are those of the program's own arguments.
struct SupervisorTask {
    int control = -1;                 ///< `--control N`: the socket to who started it
    std::vector<const char*> groups;  ///< `--group FILE`: cgroup.procs to be written to
    const char* kill_file = nullptr;  ///< `--kill FILE`: cgroup.kill of one of them
    /// `--yard DIR`: a folder of control groups, removed once they are empty where the starter is
    /// killed.
    std::vector<const char*> yards;
    const char* scratch = nullptr;            ///< `--scratch DIR`: the same, with what is in it
    const char* folder = nullptr;             ///< `--folder DIR`: where the command starts
    std::optional<std::uint64_t> data_limit;  ///< `--data-limit BYTES`
    bool own_shares = false;                  ///< `--own-shares`: namespaces of its own
    bool foreground = false;                  ///< `--foreground`
    bool keeps = false;                       ///< `--keep`: what the command leaves lives on
    pid_t adopted = 0;                        ///< `--adopt PID`: in place of a command
    char** command = nullptr;                 ///< behind `--`
    // What no word says.
    std::optional<SupervisionReady> ready = {};
    std::optional<TurnLength> turns = {};      ///< of the command; nothing: as this process's
    std::optional<FileDescriptor> taken = {};  ///< closed once the command runs
};

/// Nothing where the words are not those of a Cage.
[[nodiscard]] std::optional<SupervisorTask> read_task(int argc, char** argv);

}  // namespace hexcore
