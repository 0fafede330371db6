#pragma once

#include <algorithm>
#include <random>
#include <set>

#include "requests.hpp"

namespace hexcore::test {

/// Sizes as real dry runs tell them, which no estimate knows: compute buffers go by the number of
/// layers of a device, by whether the output is there and by which layers have experts elsewhere;
/// and experts take up a little more wherever some of a layer are.
struct ExactSizes {
    Bytes layer;   ///< compute of one layer
    Bytes more;    ///< of the second and the third, each
    Bytes spread;  ///< where a layer but the last has experts elsewhere
    Bytes output;
    Bytes shard;  ///< for each layer and device with experts of it

    [[nodiscard]] std::vector<Usage> of(const ModelFacts& model, const Placement& placement,
                                        std::size_t n_devices) const {
        std::vector<Usage> usage(n_devices);
        std::vector<std::uint32_t> layers(n_devices, 0);
        std::vector<bool> has_spread(n_devices, false);
        for (std::size_t l = 0; l < model.layers.size(); ++l) {
            const std::uint32_t home = placement.layer_device[l].value();
            usage[home].weights += model.layers[l].weights;
            usage[home].kv += model.layers[l].kv;
            ++layers[home];
            std::set<std::uint32_t> holders;
            for (const DeviceId device : placement.expert_device[l]) {
                usage[device.value()].experts += model.layers[l].expert;
                holders.insert(device.value());
            }
            for (const std::uint32_t device : holders) {
                usage[device].experts += shard;
                has_spread[home] =
                    has_spread[home] || (device != home && l + 1 < model.layers.size());
            }
        }
        for (std::size_t d = 0; d < n_devices; ++d) {
            if (layers[d] > 0) {
                usage[d].compute = layer + more * (std::min(layers[d], 3U) - 1);
                usage[d].compute += has_spread[d] ? spread : 0_B;
            }
        }
        const std::uint32_t last = placement.layer_device.back().value();
        usage[last].weights += model.output;
        usage[last].compute += output;
        return usage;
    }

    [[nodiscard]] DryRun dry_run(const ModelProfile& profile) const {
        return [*this, profile](const Plan& plan) -> Result<DryRunUsage> {
            return DryRunUsage{
                of(facts_for(profile, plan.context), plan.placement, plan.devices.size()),
                plan.host};
        };
    }
};

/// A small model, devices with plenty of room, and what placements of it really take.
struct ExactCase {
    PlanRequest request;
    ExactSizes sizes;
};

inline ExactCase exact_case(std::uint32_t seed, std::uint32_t layers_max,
                            std::uint32_t experts_max) {
    std::mt19937 random(seed);
    const auto between = [&](std::uint32_t low, std::uint32_t high) {
        return low + static_cast<std::uint32_t>(random()) % (high - low + 1);
    };
    ExactCase made;
    ModelProfile& model = made.request.model;
    model.name = "case " + std::to_string(seed);
    model.n_experts = between(1, experts_max);
    model.n_experts_used = between(1, model.n_experts);
    model.n_embd = between(1, 8) * 32;
    model.n_vocab = between(1, 8) * 500;
    model.n_ctx_train = 4096;
    model.output = 1_KiB * between(20, 2000);
    const Bytes expert = 512_B * between(20, 400);
    for (std::uint32_t l = between(1, layers_max); l > 0; --l) {
        LayerProfile& layer = model.layers.emplace_back();
        layer.weights = 1_KiB * between(20, 400);
        layer.n_experts = between(0, 5) == 0 ? 0 : model.n_experts;
        layer.expert = expert;
        layer.attention = {2, 16, 16};
        layer.activations = between(100, 4000);
    }
    made.sizes = {1_KiB * between(50, 3000), 1_KiB * between(0, 1000), 1_KiB * between(0, 1000),
                  1_KiB * between(0, 1000), 512_B * between(0, 6)};
    made.request.context.tokens = TokenCount(256 * between(1, 8));
    made.request.context.ubatch = TokenCount(between(0, 1) == 0 ? 64 : 512);
    const bool equal = between(0, 1) == 0;
    for (std::uint32_t d = between(1, 3); d > 0; --d) {
        DeviceFacts device =
            host_device(made.request.devices.size(), equal ? 1_GiB : 64_MiB * between(1, 7));
        device.reserve = Bytes();
        made.request.devices.push_back(device);
    }
    return made;
}

}  // namespace hexcore::test
