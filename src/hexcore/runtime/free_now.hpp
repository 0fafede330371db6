#pragma once

#include <vector>

#include "hexcore/device/device_spec.hpp"
#include "hexcore/device/devices_info.hpp"
#include "hexcore/device/memory_holder.hpp"
#include "hexcore/plan/make_plan.hpp"

namespace hexcore {

/// What a load is about to take, and where.
struct WantedMemory {
    const std::vector<DeviceSpec>& specs;
    const DryRunUsage& usage;  ///< a device for each spec
    Bytes parked = {};         ///< that sessions may take of main memory later
};

/// Compares what a load takes with what is free at this moment: all capped host devices, libllama's
/// own host memory and what parked sessions may take together with the machine's or control group's
/// memory, each GPU with its own. Fails with ErrorCode::does_not_fit where somebody took it since
/// the plan was made, saying how many bytes are missing and who holds most, and with missing_device
/// where a GPU is gone. A GPU whose free memory nobody can tell passes.
[[nodiscard]] Result<void> check_free_now(const WantedMemory& wanted, const DevicesInfo& now,
                                          const std::vector<MemoryHolder>& holders);

/// The same with this machine as it is, or as the files below `root` say.
[[nodiscard]] Result<void> check_free_now(const WantedMemory& wanted, const ProcRoot& root);

}  // namespace hexcore
