#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <csignal>

#include "hexcore/cage/supervisor/words.hpp"
#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// Starts the command by way of a process between it and this one, its parent: whoever kills or
/// stops the parent that it sees does not hit the supervisor. What the two have to say (started,
/// not_begun, stopped, ended) comes through the pipe `telling`. -1: the system refuses.
[[nodiscard]] pid_t launch_command(const SupervisorTask& task, int telling,
                                   const sigset_t& signals_before);

/// The message that a process has ended.
[[nodiscard]] SupervisorMessage end_message(pid_t pid, int status, const rusage& usage);

/// Writes `0`, or the pid, to the cgroup.procs files. False: errno says why one did not take it.
[[nodiscard]] bool enter_groups(const SupervisorTask& task, pid_t pid);

}  // namespace hexcore
