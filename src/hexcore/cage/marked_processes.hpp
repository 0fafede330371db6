#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace hexcore {

/// Whether a process has `mark`, NAME=value, in the environment that it was started with.
[[nodiscard]] bool is_marked(pid_t pid, const std::string& mark);

/// All processes that do, wherever they have gone to. Those of other users are not seen.
[[nodiscard]] std::vector<pid_t> processes_marked(const std::string& mark);

}  // namespace hexcore
