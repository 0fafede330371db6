#pragma once

#include <sys/types.h>

#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// The message that a process was still there: its name and memory.
[[nodiscard]] SupervisorMessage process_residue(pid_t pid);

/// A /dev/shm and System V segments for this process and its children alone. False: errno says why.
[[nodiscard]] bool take_own_shares();
/// What is in them: one message each, at most 64.
void tell_own_shares(void (*tell)(const SupervisorMessage& message, int control), int control);

/// Removes the empty ones of the folders in a folder, then that, if it is empty by then.
void remove_empty_folders(const char* folder);
/// Removes a folder with all that is in it, links as such.
void remove_tree(const char* folder);

}  // namespace hexcore
