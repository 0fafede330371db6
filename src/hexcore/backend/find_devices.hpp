#pragma once

#include <optional>
#include <string>
#include <vector>

#include "hexcore/device/device_spec.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// Does what resolve_devices() does, and asks an RPC server that is named without a size for what
/// it has. Fails with missing_device, too, if it does not answer.
[[nodiscard]] Result<std::vector<DeviceSpec>> find_devices(
    const std::vector<std::string>& arguments, std::optional<Bytes> reserve,
    const MachineMemory& machine);

/// The devices that a plan was made for, with its budgets and reserves, on this machine. Fails with
/// bad_input if a name in it is no device's, and otherwise as resolve_devices() does.
[[nodiscard]] Result<std::vector<DeviceSpec>> devices_of_plan(const Plan& plan,
                                                              const MachineMemory& machine);

}  // namespace hexcore
