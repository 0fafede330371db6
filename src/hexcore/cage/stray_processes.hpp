#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "hexcore/cage/outcome.hpp"

namespace hexcore {

/// Where a cage's supervisor was killed: ends what is left of the cage, for a second at most. That
/// is what `members` says, and of this process's descendants, whom the orphans have gone to, those
/// that have `mark` in their environment, are one of `known` (0: none) or in the session of one.
void end_stray_processes(const std::vector<pid_t>& known, const std::string& mark,
                         const std::function<std::vector<pid_t>()>& members);

/// Ends all that descends from this process, for a second at most, and waits for what is its child:
/// what was started outside of cages, when nothing is to run any more. Returns what it was.
[[nodiscard]] std::vector<Residue> end_descendants();

}  // namespace hexcore
