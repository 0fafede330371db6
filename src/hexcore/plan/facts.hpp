#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/device/device_spec.hpp"

namespace hexcore {

/// What one repeating layer takes. A layer's attention, norms, router, shared experts, dense FFN
/// and KV cache stay together on the layer's device; its routed experts can go anywhere.
struct LayerFacts {
    Bytes weights;                ///< all weights except the routed experts
    Bytes kv;                     ///< KV cache of this layer, for the planned context
    Bytes kv_least;               ///< the least that it can be, where `kv` is an estimate
    Bytes kv_trained;             ///< the same for the whole trained context in f16; 0: not known
    std::uint32_t n_experts = 0;  ///< 0 for a layer without routed experts
    Bytes expert;                 ///< one routed expert: gate, up and down together
    Bytes adapters;               ///< LoRA, of `weights`; on the layer's device
    Bytes expert_adapters;        ///< of one routed expert; beside it
};

/// What a model takes, in the terms that placement needs. Pure data: from an Inventory or a Shape.
struct ModelFacts {
    std::string name;
    std::string architecture;
    std::uint32_t n_experts = 0;       ///< routed experts of a layer, the most over all layers
    std::uint32_t n_experts_used = 0;  ///< of them, for each token
    std::vector<LayerFacts> layers;
    Bytes input;            ///< token embedding; stays in host memory, as libllama keeps it
    Bytes output;           ///< output norm and head; on the last layer's device
    Bytes input_adapters;   ///< of `input`, beside it
    Bytes output_adapters;  ///< of `output`, beside it

    [[nodiscard]] Bytes experts_bytes() const;
    [[nodiscard]] Bytes total_bytes() const;  ///< all weights: input, output, layers, experts
    /// The same with each adapter counted to what it modifies, which it lies beside.
    [[nodiscard]] ModelFacts with_adapters_within() const;
};

/// Where a device's speed figures come from; a plan says which.
enum class SpeedSource { measured, typical };

/// One device, as placement sees it.
struct DeviceFacts {
    std::string name;  ///< "host0", "cuda:1", ...
    DeviceKind kind = DeviceKind::host;
    Bytes budget;
    Bytes reserve;                     ///< kept free out of the budget
    Bytes compute;                     ///< compute buffers if the device has at least one layer
    Bytes compute_output;              ///< more compute buffers if the device has the output layer
    Bytes staging;                     ///< taken on every device of the plan, whatever it holds
    double bandwidth_bytes_per_s = 0;  ///< of its memory, reading; 0: reading counts no time
    double hop_latency_s = 0;          ///< one way, to any other device
    double fetch_bytes_per_s = 0;      ///< of experts that it computes out of main memory; 0: none
    SpeedSource speed_source = SpeedSource::typical;
    Bytes expert_cache = {};  ///< taken if the device has at least one layer

    /// What may be planned onto it.
    [[nodiscard]] Bytes usable() const { return saturating_subtract(budget, reserve); }
};

}  // namespace hexcore
