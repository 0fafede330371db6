#pragma once

#include <cstdint>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/plan/facts.hpp"

namespace hexcore {

enum class Policy {
    balanced,   ///< the same fill everywhere to within one expert, then the least modelled time
    fastest,    ///< the least modelled time of a token
    alternate,  ///< layers split evenly, experts dealt out in turn (the reference case's rule)
    layers,     ///< whole layers only, what llama.cpp can do by itself
};

[[nodiscard]] const char* to_string(Policy policy);
/// Fails with ErrorCode::usage for an unknown name.
[[nodiscard]] Result<Policy> parse_policy(std::string_view name);

/// Who holds what, and where it is computed. Layers are contiguous ranges in the order of the
/// devices; a device may hold none. The output layer is on the device of the last layer.
struct Placement {
    std::vector<DeviceId> layer_device;  ///< [layer]
    /// [layer][expert], where it is stored; empty for a layer without experts.
    std::vector<std::vector<DeviceId>> expert_device;
    /// [layer][expert], where it is computed; empty if that is where it is stored, for all of them.
    std::vector<std::vector<DeviceId>> expert_compute_device = {};

    /// [expert] of a layer, where each is computed.
    [[nodiscard]] const std::vector<DeviceId>& computed_on(std::size_t layer) const {
        return (expert_compute_device.empty() ? expert_device : expert_compute_device)[layer];
    }
    bool operator==(const Placement&) const = default;
};

/// How many entries of libllama's tensor split each device gets: one for each of its layers, and
/// one more, for the output, on the device of the last layer.
[[nodiscard]] std::vector<std::uint32_t> layer_split(const Placement& placement,
                                                     std::size_t n_devices);

/// Why no placement fits: with `missing` more bytes on `device` alone one would. The device named
/// is the one that needs the least. For Policy::alternate, whose rule leaves no choice, the device
/// that is furthest over and by how much.
struct Shortfall {
    DeviceId device;
    Bytes missing;
};

/// Limits of the runtime that placement has to respect.
struct PlaceOptions {
    /// Devices that may hold layers; any number may hold experts. libllama's scheduler has 16
    /// slots and keeps one for the CPU.
    std::uint32_t max_layer_devices = 15;
};

/// Most devices that a plan can have.
inline constexpr std::uint32_t max_devices = 16;

/// Places every layer and expert by `policy`, or says by how much it does not fit. Needs 1 to
/// max_devices devices and at least one layer; anything else is a bug of the caller.
///
/// What is exact and what is a search is described in docs/decisions/0006-placement.md.
[[nodiscard]] tl::expected<Placement, Shortfall> place(const ModelFacts& model,
                                                       const std::vector<DeviceFacts>& devices,
                                                       Policy policy,
                                                       const PlaceOptions& options = {});

/// The modelled time of one generated token, in seconds: per layer, attention, dense weights and
/// KV cache read where the layer is, then the expected time of the slowest device's experts (each
/// set of n_experts_used of the layer's experts equally likely), plus the hops between devices:
/// those of the ExecutionModel to the furthest device with experts of the layer, one where the next
/// layer is elsewhere.
[[nodiscard]] double modelled_token_seconds(const ModelFacts& model,
                                            const std::vector<DeviceFacts>& devices,
                                            const Placement& placement);

}  // namespace hexcore
