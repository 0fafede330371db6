#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "hexcore/plan/make_plan.hpp"

namespace hexcore::test {

/// A capped host device with the default reserve.
inline DeviceFacts host_device(std::size_t index, Bytes budget) {
    DeviceFacts device;
    device.name = "host" + std::to_string(index);
    device.budget = budget;
    device.reserve = std::min(Bytes(budget.count() / 16), 1_GiB);
    device.bandwidth_bytes_per_s = typical_speed(DeviceKind::host).bandwidth_bytes_per_s;
    device.hop_latency_s = typical_speed(DeviceKind::host).hop_latency_s;
    return device;
}

inline PlanRequest shape_request(const std::string& shape, const std::vector<Bytes>& budgets,
                                 std::uint32_t tokens, Policy policy = Policy::balanced) {
    PlanRequest request;
    request.model = profile_from_shape(shape, "q4_K").value();
    for (const Bytes budget : budgets) {
        request.devices.push_back(host_device(request.devices.size(), budget));
    }
    request.context.tokens = TokenCount(tokens);
    request.policy = policy;
    return request;
}

/// What a placement takes by the plan, plus `more_compute` on each device with layers: a dry run
/// whose answer is known.
inline DryRun dry_run_with(Bytes more_compute, int* calls = nullptr) {
    return [=](const Plan& plan) -> Result<DryRunUsage> {
        if (calls != nullptr) {
            ++*calls;
        }
        DryRunUsage usage;
        usage.host = plan.host;
        for (const PlannedDevice& device : plan.devices) {
            usage.devices.push_back({.weights = device.planned.weights,
                                     .experts = device.planned.experts,
                                     .adapters = device.planned.adapters,
                                     .kv = device.planned.kv,
                                     .recurrent = device.planned.recurrent,
                                     .compute = device.layers > 0 ? 100_MiB + more_compute : 0_B,
                                     .expert_cache = device.planned.expert_cache,
                                     .staging = {},
                                     .parked = {}});
        }
        return usage;
    };
}

}  // namespace hexcore::test
