#pragma once

#include <optional>
#include <string>

#include "hexcore/device/proc_root.hpp"

namespace hexcore {

/// The CPUs' worth of time that the process's control groups and all their parents leave it: the
/// least of cpu.max (version 2) or cpu.cfs_quota_us over cpu.cfs_period_us (version 1). Nothing
/// where none of them sets a quota that can be read.
[[nodiscard]] std::optional<double> cpu_quota(const ProcRoot& root);

/// The processor's name, such as "AMD EPYC 9554"; "processor" where the kernel does not tell.
[[nodiscard]] std::string processor_name(const ProcRoot& root = {});

/// Threads worth computing with, at least one: as many as there are cores that this process may run
/// on (hardware threads of one core count once), and as whole CPUs fit into its quota. A thread
/// beyond that would be throttled, and all others wait for it.
[[nodiscard]] int usable_cores(const ProcRoot& root = {});

}  // namespace hexcore
