#pragma once

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// What a load makes this process take beyond what it has.
struct ProcessDemand {
    Bytes mapped;            ///< address space
    Bytes written;           ///< of that, memory
    int openmp_threads = 0;  ///< with a stack each besides
};

/// Whether the kernel's limits on this process allow that, all at once. Everything is tried and
/// nothing kept: what they refuse they refuse to a mapping that nobody touches, too.
[[nodiscard]] Result<void> check_process_limits(const ProcessDemand& demand);

[[nodiscard]] bool address_space_is_limited();

/// The stack that OpenMP gives each thread: as OMP_STACKSIZE says, else what any thread gets.
[[nodiscard]] Bytes openmp_stack();

}  // namespace hexcore
