#pragma once

#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/watch/attached_process.hpp"
#include "hexcore/watch/tree_watch.hpp"

namespace hexcore {

/// Tells the sinks what a process that runs already and all that descend from it have in memory,
/// until it ends or this process is told to (SIGINT, SIGTERM, SIGHUP). `options.command` is not
/// asked. Fails, with nothing told, where AttachedProcess::attach() does. In the program's main
/// thread, before other threads are started.
[[nodiscard]] Result<void> watch_process(const ProcessIdentity& process,
                                         const WatchOptions& options,
                                         std::vector<RecordSink*> sinks);

}  // namespace hexcore
