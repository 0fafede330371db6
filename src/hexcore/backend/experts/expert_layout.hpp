#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/placement.hpp"

namespace hexcore {

/// Which device holds each expert of a layer, and as which of that device's own.
class ExpertMap {
public:
    /// `device_of[e]` is expert e's device; all are below `n_devices`.
    ExpertMap(DeviceId home, std::vector<DeviceId> device_of, std::size_t n_devices);

    [[nodiscard]] std::size_t n_experts() const { return device_of_.size(); }
    [[nodiscard]] std::size_t n_devices() const { return counts_.size(); }
    /// The device of the layer's attention, where the layer's graph runs.
    [[nodiscard]] DeviceId home() const { return home_; }
    [[nodiscard]] DeviceId device_of(std::size_t expert) const { return device_of_[expert]; }
    /// Position of the expert among those of its layer on its device, in order of expert id.
    [[nodiscard]] std::uint32_t local_of(std::size_t expert) const { return local_of_[expert]; }
    [[nodiscard]] std::uint32_t count_on(DeviceId device) const { return counts_[device.value()]; }
    /// True where every expert is on the home device.
    [[nodiscard]] bool whole() const { return count_on(home_) == n_experts(); }

private:
    DeviceId home_;
    std::vector<DeviceId> device_of_;
    std::vector<std::uint32_t> local_of_;
    std::vector<std::uint32_t> counts_;
};

/// Where every shard of every merged expert tensor goes, byte by byte. A shard is what one device
/// holds of one tensor: its experts' slices, one after the other. The shards that a device holds
/// of all layers with the same home are one arena, so that few, large allocations are made.
class ExpertLayout {
public:
    /// Shards start at multiples of this in their arena, and end with that.
    static constexpr Bytes shard_alignment = expert_part_alignment;
    static constexpr Bytes shard_slack = expert_part_slack;

    ExpertLayout() = default;
    ExpertLayout(ExpertLayout&&) = default;
    ExpertLayout& operator=(ExpertLayout&&) = default;
    ExpertLayout(const ExpertLayout&) = delete;  // tensors point into maps_
    ExpertLayout& operator=(const ExpertLayout&) = delete;
    /// `placement` must be for `inventory`; both come from the same plan.
    ExpertLayout(const Inventory& inventory, const Placement& placement, std::size_t n_devices);
    /// Without the file: tensors are known by name only (map_by_name), and there are no arenas.
    ExpertLayout(const Placement& placement, std::size_t n_devices);

    /// What a shard takes of which `experts` bytes are experts.
    [[nodiscard]] static Bytes shard_size(Bytes experts) { return expert_part_size(experts); }

    /// One merged expert tensor.
    struct Tensor {
        const ExpertMap* map = nullptr;
        std::vector<Bytes> offset;  ///< [device] of its shard in the arena (home, device)
    };

    /// The tensor of that name, or nullptr where it is not a merged expert tensor of the model.
    [[nodiscard]] const Tensor* find(std::string_view name) const;
    /// The expert map of a layer, or nullptr for a layer without experts.
    [[nodiscard]] const ExpertMap* map_of(LayerIndex layer) const;

    /// Whether it was made without the file, for a model with experts.
    [[nodiscard]] bool goes_by_name() const { return goes_by_name_; }
    /// The map of the layer that a merged expert tensor of that name is in; nullptr for any other
    /// name, for a layer without experts, and where it is not a layer of `n_experts`.
    [[nodiscard]] const ExpertMap* map_by_name(std::string_view name, std::int64_t n_experts) const;

    /// Size of the arena on `device` for the layers whose home is `home`.
    [[nodiscard]] Bytes arena(DeviceId home, DeviceId device) const;
    /// Sum of all arenas on `device`: what a load takes there for experts.
    [[nodiscard]] Bytes on_device(DeviceId device) const;
    [[nodiscard]] std::size_t n_devices() const { return n_devices_; }

private:
    std::size_t n_devices_ = 0;
    bool goes_by_name_ = false;
    std::vector<std::optional<ExpertMap>> maps_;  ///< [layer]
    std::unordered_map<std::string, Tensor> tensors_;
    std::vector<Bytes> arenas_;  ///< [home * n_devices + device]
};

/// Whether `name` is that of a merged expert tensor: weights, neither bias nor scale nor adapter.
[[nodiscard]] bool is_merged_expert_name(std::string_view name);

}  // namespace hexcore
