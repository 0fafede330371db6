#pragma once

#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/process/foreground_command.hpp"
#include "hexcore/watch/tree_watch.hpp"

namespace hexcore {

/// Runs a command in this process's place, as ForegroundCommand does, and tells the sinks what it
/// and all that descend from it have in memory, until it has ended. Fails, with nothing told, with
/// ErrorCode::does_not_fit where the system starts no process, and with ErrorCode::usage where the
/// command is no program.
[[nodiscard]] Result<CommandEnd> watch_command(const WatchOptions& options,
                                               std::vector<RecordSink*> sinks);

}  // namespace hexcore
