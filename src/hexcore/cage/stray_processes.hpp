#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

namespace hexcore {

/// Where a cage's supervisor was killed: ends what is left of the cage, for a second at most. That
/// is what `members` says, and of this process's descendants, whom the orphans have gone to, those
/// that have `mark` in their environment or are in the session of `first`.
void end_stray_processes(pid_t first, const std::string& mark,
                         const std::function<std::vector<pid_t>()>& members);

}  // namespace hexcore
