#pragma once

#include <sys/types.h>

#include <vector>

namespace hexcore {

/// Appends all processes that descend from `root` (children of any of its threads, and theirs) to
/// `found`, without it. Processes that fork or end meanwhile may be missed: who wants all of them
/// asks until nothing changes. Takes as long as there are descendants; where the kernel does not
/// list children, as there are processes.
void list_descendants(pid_t root, std::vector<pid_t>& found);

/// The parent of a process; 0 where there is none with that pid.
[[nodiscard]] pid_t parent_of_process(pid_t pid);

}  // namespace hexcore
