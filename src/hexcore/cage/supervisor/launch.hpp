#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <csignal>

#include "hexcore/cage/supervisor/words.hpp"
#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// Of a command's parent that has told the starter all there is to tell.
inline constexpr int exit_code_all_told = 42;

/// Starts the command by way of a process between it and this one, its parent: whoever kills or
/// stops the parent that it sees does not hit the supervisor. What the two have to say (started,
/// not_begun, stopped, ended; done before the starter is told) comes by `telling`. -1: the system
/// refuses.
[[nodiscard]] pid_t launch_command(SupervisorTask& task, int telling,
                                   const sigset_t& signals_before);

/// What that process does: it starts the command, and waits for it. Of a command with namespaces of
/// its own that leaves no process, it tells the starter the end and what was left there, so that
/// nobody waits for one more process to wake up.
[[noreturn]] void be_parent_of_command(SupervisorTask& task, pid_t supervisor, int telling,
                                       const sigset_t& signals_before);

/// The message that a process has ended.
[[nodiscard]] SupervisorMessage end_message(pid_t pid, int status, const rusage& usage);

/// Writes `0`, or the pid, to the cgroup.procs files. False: errno says why one did not take it.
[[nodiscard]] bool enter_groups(const SupervisorTask& task, pid_t pid);

}  // namespace hexcore
