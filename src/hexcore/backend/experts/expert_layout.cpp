#include "hexcore/backend/experts/expert_layout.hpp"

#include <utility>

#include "hexcore/model/tensor_name.hpp"

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

ExpertLayout::ExpertLayout(const Placement& placement, std::size_t n_devices)
    : n_devices_(n_devices), arenas_(n_devices * n_devices) {
    maps_.resize(placement.expert_device.size());
    for (std::size_t layer = 0; layer < maps_.size(); ++layer) {
        const auto& experts = placement.expert_device[layer];
        if (!experts.empty()) {
            maps_[layer].emplace(placement.layer_device[layer], experts, n_devices);
            goes_by_name_ = true;
        }
    }
}

ExpertLayout::ExpertLayout(const Inventory& inventory, const Placement& placement,
                           std::size_t n_devices)
    : ExpertLayout(placement, n_devices) {
    goes_by_name_ = false;
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
            end += shard_size(slice * count);
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

const ExpertMap* ExpertLayout::map_by_name(std::string_view name, std::int64_t n_experts) const {
    if (!is_merged_expert_name(name)) {
        return nullptr;
    }
    const ExpertMap* map = map_of(*parse_tensor_name(name).layer);
    const bool matches = map != nullptr && std::cmp_equal(map->n_experts(), n_experts);
    return matches ? map : nullptr;
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

bool is_merged_expert_name(std::string_view name) {
    const TensorName parts = parse_tensor_name(name);
    return parts.suffix == "weight" && role_of(parts, {1, 1, 1, 1}) == TensorRole::expert;
}

}  // namespace hexcore
