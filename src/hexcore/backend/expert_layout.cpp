#include "hexcore/backend/expert_layout.hpp"

namespace hexcore {

ExpertMap::ExpertMap(DeviceId home, std::vector<DeviceId> device_of, std::size_t n_devices)
    : home_(home), device_of_(std::move(device_of)), counts_(n_devices, 0) {
    HEXCORE_CHECK(home_.value() < n_devices, home_.value(), n_devices);
    local_of_.reserve(device_of_.size());
    for (const DeviceId device : device_of_) {
        HEXCORE_CHECK(device.value() < n_devices, device.value(), n_devices);
        local_of_.push_back(counts_[device.value()]++);
    }
}

ExpertLayout::ExpertLayout(const Inventory& inventory, const Placement& placement,
                           std::size_t n_devices)
    : n_devices_(n_devices), arenas_(n_devices * n_devices) {
    maps_.resize(inventory.n_layers);
    for (std::size_t layer = 0; layer < maps_.size(); ++layer) {
        const auto& experts = placement.expert_device[layer];
        if (!experts.empty()) {
            maps_[layer].emplace(placement.layer_device[layer], experts, n_devices);
        }
    }
    for (const TensorInfo& tensor : inventory.tensors) {
        if (tensor.role != TensorRole::expert || !tensor.layer || !map_of(*tensor.layer)) {
            continue;
        }
        const ExpertMap& map = *map_of(*tensor.layer);
        HEXCORE_CHECK(map.n_experts() == tensor.n_experts, map.n_experts(), tensor.n_experts);
        const Bytes slice(tensor.bytes.count() / tensor.n_experts);
        Tensor placed{&map, std::vector<Bytes>(n_devices)};
        for (std::size_t device = 0; device < n_devices; ++device) {
            const std::uint32_t count = map.count_on(DeviceId(device));
            if (count == 0) {
                continue;
            }
            Bytes& end = arenas_[map.home().value() * n_devices + device];
            placed.offset[device] = end;
            end += round_up(slice * count + shard_slack, shard_alignment);
        }
        tensors_.emplace(tensor.name, std::move(placed));
    }
}

const ExpertLayout::Tensor* ExpertLayout::find(std::string_view name) const {
    const auto found = tensors_.find(std::string(name));
    return found == tensors_.end() ? nullptr : &found->second;
}

const ExpertMap* ExpertLayout::map_of(LayerIndex layer) const {
    if (layer.value() >= maps_.size() || !maps_[layer.value()]) {
        return nullptr;
    }
    return &*maps_[layer.value()];
}

Bytes ExpertLayout::arena(DeviceId home, DeviceId device) const {
    return arenas_[home.value() * n_devices_ + device.value()];
}

Bytes ExpertLayout::on_device(DeviceId device) const {
    Bytes sum;
    for (std::size_t home = 0; home < n_devices_; ++home) {
        sum += arena(DeviceId(home), device);
    }
    return sum;
}

}  // namespace hexcore
