#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace hexcore {

struct ProcessFacts {
    pid_t parent = 0;
    std::uint64_t start = 0;  ///< in the kernel's ticks since the machine's start
    /// It has ended, and nobody has waited for it. False while only its first thread has ended.
    bool is_over = false;
};
/// Nothing where there is no process with that pid.
[[nodiscard]] std::optional<ProcessFacts> facts_of_process(pid_t pid);

/// All pids of the machine, in no order, in place of what was in `pids`.
void list_pids(std::vector<pid_t>& pids);

}  // namespace hexcore
