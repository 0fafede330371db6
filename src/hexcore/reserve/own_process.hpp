#pragma once

#include <cstdint>

namespace hexcore {

/// The number of this process's pid namespace; 0 where it cannot be told.
[[nodiscard]] std::uint64_t own_pid_namespace();
/// When this process started, in the kernel's ticks since the machine's start.
[[nodiscard]] std::uint64_t own_start();
/// Whether a process with that number and start has not ended. One that nobody has waited for yet
/// has.
[[nodiscard]] bool is_alive(std::uint32_t pid, std::uint64_t start);

}  // namespace hexcore
