#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace hexcore {

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
    pid_t adopted = 0;                        ///< `--adopt PID`: in place of a command
    char** command = nullptr;                 ///< behind `--`
};

/// Nothing where the words are not those of a Cage.
[[nodiscard]] std::optional<SupervisorTask> read_task(int argc, char** argv);

}  // namespace hexcore
