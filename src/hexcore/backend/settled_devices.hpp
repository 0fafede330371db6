#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/device/device_spec.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// As settle_devices(), where an RPC server that is named without a size is asked for what it has.
/// Fails with missing_device, too, where it does not answer.
[[nodiscard]] Result<std::vector<DeviceSpec>> settled_devices(
    const std::vector<std::string>& arguments, std::optional<Bytes> reserve,
    const MachineMemory& machine);

/// The devices that a plan was made for, with its budgets and reserves, on this machine. Fails with
/// bad_input where a name in it is no device's, and as settle_devices().
[[nodiscard]] Result<std::vector<DeviceSpec>> settled_devices(const Plan& plan,
                                                              const MachineMemory& machine);

}  // namespace hexcore
