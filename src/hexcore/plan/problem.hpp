#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hexcore/plan/execution_model.hpp"
#include "hexcore/plan/expert_time.hpp"
#include "hexcore/plan/facts.hpp"
#include "hexcore/plan/placement.hpp"

namespace hexcore {

/// Which layers each device holds: device d has the layers from bounds[d] up to, not including,
/// bounds[d + 1]. Has one entry more than there are devices.
using Split = std::vector<std::uint32_t>;

/// A number of bytes for each device.
using DeviceBytes = std::array<std::uint64_t, max_devices>;

/// A placement in the terms of the search: which experts of a layer go where makes no difference
/// to it, only how many.
struct CountedPlacement {
    Split split;
    std::vector<Counts> counts;  ///< [layer]
    double seconds = 0;          ///< modelled, of a token
};

/// Layers whose experts are alike in size and number.
struct LayerKind {
    std::uint64_t expert_bytes = 0;
    std::uint32_t n_experts = 0;
    std::uint32_t size_class = 0;  ///< position of expert_bytes in Problem::class_bytes()
    ExpertTime time;
};

/// Model and devices prepared for the search: sums over ranges of layers in constant time, layers
/// grouped by kind, and the modelled times. Refers to what it was made from.
class Problem {
public:
    Problem(const ModelFacts& model, const std::vector<DeviceFacts>& devices,
            const PlaceOptions& options);

    [[nodiscard]] std::uint32_t n_devices() const { return n_devices_; }
    [[nodiscard]] std::uint32_t n_layers() const { return n_layers_; }
    [[nodiscard]] std::uint32_t max_layer_devices() const { return max_layer_devices_; }
    [[nodiscard]] const ModelFacts& model() const { return model_; }
    [[nodiscard]] const DeviceFacts& device(std::uint32_t d) const { return devices_[d]; }
    [[nodiscard]] DeviceBytes usable() const;

    /// Everything on device d except routed experts when it holds the layers [from, to).
    [[nodiscard]] std::uint64_t fixed_bytes(std::uint32_t d, std::uint32_t from,
                                            std::uint32_t to) const;
    /// All bytes that a split takes on all devices, experts included.
    [[nodiscard]] std::uint64_t total_bytes(const Split& split) const;
    /// What `caps` leave for experts, or nothing where a cap is under the fixed bytes.
    [[nodiscard]] std::optional<DeviceBytes> rooms(const Split& split,
                                                   const DeviceBytes& caps) const;

    /// Distinct sizes of experts, largest first.
    [[nodiscard]] const std::vector<std::uint64_t>& class_bytes() const { return class_bytes_; }
    /// Experts of a size class in the layers [from, to).
    [[nodiscard]] std::uint32_t n_experts(std::uint32_t size_class, std::uint32_t from,
                                          std::uint32_t to) const {
        return class_prefix_[size_class][to] - class_prefix_[size_class][from];
    }
    [[nodiscard]] std::uint64_t total_expert_bytes() const;
    [[nodiscard]] std::uint64_t largest_expert() const {
        return class_bytes_.empty() ? 0 : class_bytes_.front();
    }

    [[nodiscard]] std::vector<LayerKind>& kinds() { return kinds_; }
    /// Kind of a layer, or nothing for a layer without experts.
    [[nodiscard]] std::optional<std::uint32_t> kind_of(std::uint32_t layer) const {
        return layer_kind_[layer];
    }
    /// From one device to another; 0 to itself.
    [[nodiscard]] double hop_seconds(std::uint32_t a, std::uint32_t b) const;
    /// Of a layer with experts elsewhere, the furthest of them one hop of so many seconds away.
    [[nodiscard]] double away_seconds(double hop) const { return execution_.hops_per_layer * hop; }
    /// Experts and hops of one layer.
    [[nodiscard]] double layer_seconds(std::uint32_t kind, std::uint32_t home,
                                       const Counts& counts);
    /// Attention, KV, dense weights and, with the last layer, the output, read on device d.
    [[nodiscard]] double fixed_seconds(std::uint32_t d, std::uint32_t from, std::uint32_t to) const;
    /// Of everything but the experts: fixed_seconds and the hops between successive layers.
    [[nodiscard]] double split_seconds(const Split& split) const;
    [[nodiscard]] double seconds(const Split& split, const std::vector<Counts>& counts);

    /// Look-ups of expected times so far: a measure of effort that depends on no clock, so that the
    /// same request gives the same plan everywhere.
    [[nodiscard]] std::uint64_t effort() const;

private:
    const ModelFacts& model_;
    const std::vector<DeviceFacts>& devices_;
    const ExecutionModel& execution_;
    std::uint32_t n_devices_;
    std::uint32_t n_layers_;
    std::uint32_t max_layer_devices_;
    std::vector<std::uint64_t> prefix_;  ///< weights and KV of the first l layers
    std::vector<std::uint64_t> class_bytes_;
    std::vector<std::vector<std::uint32_t>> class_prefix_;  ///< [class][l]
    std::vector<LayerKind> kinds_;
    std::vector<std::optional<std::uint32_t>> layer_kind_;
};

/// The device of every layer.
[[nodiscard]] std::vector<std::uint32_t> homes_of(const Split& split);

/// Numbers the experts: each layer's are dealt to the devices in order, as many as counted.
[[nodiscard]] Placement to_placement(const CountedPlacement& counted);

}  // namespace hexcore
