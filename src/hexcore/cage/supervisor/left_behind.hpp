#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <functional>

#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// The message that a process was still there: its name and memory.
[[nodiscard]] SupervisorMessage process_residue(pid_t pid);

/// A /dev/shm and System V segments for this process and its children alone. False: errno says why.
[[nodiscard]] bool take_own_shares();
/// What is in them: one message each, at most 64.
void tell_own_shares(const std::function<void(const SupervisorMessage&)>& tell);

/// The message that shared memory was left.
[[nodiscard]] SupervisorMessage share_residue(const char* name, std::uint64_t bytes, pid_t maker);
/// A System V segment.
struct SharedSegment {
    int id = 0;
    pid_t maker = 0;
    unsigned users = 0;       ///< processes that have it attached
    std::uint64_t bytes = 0;  ///< in memory
};
/// Those that can be seen.
void for_each_segment(const std::function<void(const SharedSegment&)>& visit);
[[nodiscard]] std::uint64_t bytes_on_disk(const struct stat& facts);

/// Removes control groups, the innermost first, as far as nobody is in them.
void remove_groups(const char* folder);
/// Removes a folder with all that is in it, links as such.
void remove_tree(const char* folder);
/// Where a scratch folder was one of a run's, and the run was killed: removes what is left of the
/// run's folder, which is folders that nobody has put anything in.
void remove_folder_of_run(const char* scratch);

}  // namespace hexcore
