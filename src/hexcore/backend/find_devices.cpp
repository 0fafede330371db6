#include "hexcore/backend/find_devices.hpp"

#include "hexcore/backend/inner_device.hpp"

namespace hexcore {

Result<std::vector<DeviceSpec>> find_devices(const std::vector<std::string>& arguments,
                                             std::optional<Bytes> reserve,
                                             const MachineMemory& machine) {
    HEXCORE_TRY(specs, resolve_devices(arguments, reserve, machine));
    for (DeviceSpec& spec : specs) {
        if (spec.kind == DeviceKind::rpc && spec.budget == Bytes{}) {
            HEXCORE_TRY(server, find_inner_device(spec));
            HEXCORE_TRY_VOID(give_budget(spec, free_memory(server), reserve));
        }
    }
    return specs;
}

Result<std::vector<DeviceSpec>> devices_of_plan(const Plan& plan, const MachineMemory& machine) {
    std::vector<std::string> arguments;
    std::uint32_t n_hosts = 0;
    for (const PlannedDevice& device : plan.devices) {
        const bool is_host = device.kind == DeviceKind::host;
        if (is_host && device.name != fmt::format("host{}", n_hosts++)) {
            return fail(ErrorCode::bad_input,
                        "the plan names a device '{}'; its host devices are host0, host1 and so "
                        "on, in this order",
                        device.name);
        }
        arguments.push_back(
            fmt::format("{}={}", is_host ? "host" : device.name, device.budget.count()));
    }
    HEXCORE_TRY(specs, resolve_devices(arguments, Bytes{}, machine));
    for (std::size_t i = 0; i < specs.size(); ++i) {
        HEXCORE_TRY_VOID(give_budget(specs[i], specs[i].budget, plan.devices[i].reserve));
    }
    return specs;
}

}  // namespace hexcore
