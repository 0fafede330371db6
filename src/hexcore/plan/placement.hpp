#pragma once

#include <optional>
#include <string_view>
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

/// Who holds what. Layers are contiguous ranges in the order of the devices; a device may hold
/// none. The output layer is on the device of the last layer.
struct Placement {
    std::vector<DeviceId> layer_device;                ///< [layer]
    std::vector<std::vector<DeviceId>> expert_device;  ///< [layer][expert]; empty without experts

    bool operator==(const Placement&) const = default;
};

/// Why no placement fits, for the device and the amount that came closest.
struct Shortfall {
    DeviceId device;
    Bytes missing;
};

/// Places every layer and expert by `policy`, or says by how much it does not fit.
[[nodiscard]] tl::expected<Placement, Shortfall> place(const ModelFacts& model,
                                                       const std::vector<DeviceFacts>& devices,
                                                       Policy policy);

/// The modelled time of one generated token, in seconds: per layer, attention and dense weights
/// read where the layer is, then the slowest device's expected share of the experts (each of the
/// n_experts_used of n_experts equally likely), plus the hops between devices.
[[nodiscard]] double modelled_token_seconds(const ModelFacts& model,
                                            const std::vector<DeviceFacts>& devices,
                                            const Placement& placement);

}  // namespace hexcore
