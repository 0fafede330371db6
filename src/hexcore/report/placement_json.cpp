#include "hexcore/report/placement_json.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace hexcore {
namespace {

Result<std::vector<DeviceId>> read_indices(const JsonCursor& list, std::size_t n_devices) {
    std::vector<DeviceId> devices;
    HEXCORE_TRY(cursors, list.elements());
    devices.reserve(cursors.size());
    for (const JsonCursor& cursor : cursors) {
        HEXCORE_TRY(index, cursor.count());
        if (index >= n_devices) {
            return cursor.wrong(fmt::format("there are {} devices, counted from 0", n_devices));
        }
        devices.emplace_back(index);
    }
    return devices;
}

Result<void> read_layers(const JsonCursor& root, Plan& plan) {
    HEXCORE_TRY(list, root.member("layer_device"));
    HEXCORE_TRY(devices, read_indices(list, plan.devices.size()));
    if (devices.size() != plan.n_layers) {
        return fail(ErrorCode::bad_input, "{} has {} entries; model.n_layers is {}", list.path(),
                    devices.size(), plan.n_layers);
    }
    for (std::size_t layer = 1; layer < devices.size(); ++layer) {
        if (devices[layer] < devices[layer - 1]) {
            return fail(ErrorCode::bad_input,
                        "{}[{}] is {} after {}; the layers of a device must be one contiguous "
                        "range, in the order of the devices",
                        list.path(), layer, devices[layer].value(), devices[layer - 1].value());
        }
    }
    plan.placement.layer_device = std::move(devices);
    return {};
}

Result<void> read_experts(const JsonCursor& root, Plan& plan) {
    HEXCORE_TRY(list, root.member("expert_device"));
    HEXCORE_TRY(layers, list.elements());
    if (layers.size() != plan.n_layers) {
        return fail(ErrorCode::bad_input, "{} has {} entries; model.n_layers is {}", list.path(),
                    layers.size(), plan.n_layers);
    }
    for (const JsonCursor& layer : layers) {
        HEXCORE_TRY(devices, read_indices(layer, plan.devices.size()));
        if (devices.size() > plan.n_experts) {
            return fail(ErrorCode::bad_input, "{} has {} entries; model.n_experts is {}",
                        layer.path(), devices.size(), plan.n_experts);
        }
        plan.placement.expert_device.push_back(std::move(devices));
    }
    return {};
}

/// Optional: without it each expert is computed where it is stored. A key that says the same leaves
/// the plan as one without it.
Result<void> read_computed(const JsonCursor& root, Plan& plan) {
    if (!root.has("expert_compute_device")) {
        return {};
    }
    HEXCORE_TRY(list, root.member("expert_compute_device"));
    HEXCORE_TRY(layers, list.elements());
    const std::vector<std::vector<DeviceId>>& stored = plan.placement.expert_device;
    if (layers.size() != stored.size()) {
        return fail(ErrorCode::bad_input, "{} has {} entries; expert_device has {}", list.path(),
                    layers.size(), stored.size());
    }
    std::vector<std::vector<DeviceId>> computed;
    for (const JsonCursor& layer : layers) {
        HEXCORE_TRY(devices, read_indices(layer, plan.devices.size()));
        if (const std::size_t n = stored[computed.size()].size(); devices.size() != n) {
            return fail(ErrorCode::bad_input, "{} has {} entries; expert_device has {} there",
                        layer.path(), devices.size(), n);
        }
        computed.push_back(std::move(devices));
    }
    if (computed != stored) {
        plan.placement.expert_compute_device = std::move(computed);
    }
    return {};
}

/// The counts of each device against the two lists that they summarise.
Result<void> check_counts(const Plan& plan) {
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const DeviceId device(d);
        const auto& layers = plan.placement.layer_device;
        const auto n_layers = std::count(layers.begin(), layers.end(), device);
        std::ptrdiff_t n_experts = 0;
        for (const std::vector<DeviceId>& experts : plan.placement.expert_device) {
            n_experts += std::count(experts.begin(), experts.end(), device);
        }
        if (n_layers != std::ptrdiff_t{plan.devices[d].layers}) {
            return fail(ErrorCode::bad_input, "devices[{}].layers is {}; layer_device gives it {}",
                        d, plan.devices[d].layers, n_layers);
        }
        if (n_experts != std::ptrdiff_t{plan.devices[d].experts}) {
            return fail(ErrorCode::bad_input,
                        "devices[{}].experts is {}; expert_device gives it {}", d,
                        plan.devices[d].experts, n_experts);
        }
    }
    return {};
}

}  // namespace

Result<void> read_placement(const JsonCursor& root, Plan& plan) {
    HEXCORE_TRY_VOID(read_layers(root, plan));
    HEXCORE_TRY_VOID(read_experts(root, plan));
    HEXCORE_TRY_VOID(read_computed(root, plan));
    return check_counts(plan);
}

}  // namespace hexcore
