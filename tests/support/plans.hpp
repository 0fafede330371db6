#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hexcore/plan/plan.hpp"

namespace hexcore::test {

/// What a plan for a report's test is built from; no planner has a hand in it.
struct PlanSpec {
    std::string model = "tiny";
    std::string architecture = "llama";
    std::uint32_t n_layers = 2;
    std::uint32_t n_experts = 2;
    std::uint32_t n_used = 1;
    Bytes layer_weights = 10_MiB;
    Bytes layer_kv = 2_MiB;
    Bytes expert = 5_MiB;
    Bytes output = 3_MiB;
    Policy policy = Policy::balanced;
    Basis basis = Basis::estimate;
    ContextShape context{TokenCount(4096)};
    std::vector<PlannedDevice> devices;  ///< name, budget and reserve; the rest is filled in
    std::function<DeviceId(std::uint32_t layer)> layer_device;
    std::function<DeviceId(std::uint32_t layer, std::uint32_t expert)> expert_device;
    std::uint32_t n_dense_layers = 0;  ///< leading layers without routed experts
};

inline PlannedDevice device_of(std::string name, Bytes budget, Bytes reserve) {
    PlannedDevice device;
    if (const auto parsed = parse_device_name(name)) {  // tests also write what is none
        device.kind = parsed->kind;
    }
    device.name = std::move(name);
    device.budget = budget;
    device.reserve = reserve;
    return device;
}

/// Adds up what `spec` places. Every device has 8 MiB of compute buffers, 1 MiB of staging.
inline Plan build_plan(const PlanSpec& spec) {
    Plan plan;
    plan.basis = spec.basis;
    plan.model_name = spec.model;
    plan.architecture = spec.architecture;
    plan.n_layers = spec.n_layers;
    plan.n_experts = spec.n_experts;
    plan.n_experts_used = spec.n_used;
    plan.policy = spec.policy;
    plan.context = spec.context;
    plan.devices = spec.devices;
    plan.embedding = spec.output;
    plan.output = spec.output;
    plan.host.weights = spec.output;
    plan.host.compute = 4_MiB;
    for (PlannedDevice& device : plan.devices) {
        device.planned.compute = 8_MiB;
        device.planned.staging = 1_MiB;
    }
    for (std::uint32_t layer = 0; layer < spec.n_layers; ++layer) {
        const DeviceId home = spec.layer_device(layer);
        PlannedDevice& device = plan.devices[home.value()];
        device.layers += 1;
        device.planned.weights += spec.layer_weights;
        device.planned.kv += spec.layer_kv;
        plan.placement.layer_device.push_back(home);
        plan.placement.expert_device.emplace_back();
        for (std::uint32_t e = 0; layer >= spec.n_dense_layers && e < spec.n_experts; ++e) {
            const DeviceId holder = spec.expert_device(layer, e);
            plan.devices[holder.value()].experts += 1;
            plan.devices[holder.value()].planned.experts += spec.expert;
            plan.placement.expert_device.back().push_back(holder);
            plan.experts_bytes += spec.expert;
        }
    }
    plan.devices[plan.placement.layer_device.back().value()].planned.weights += spec.output;
    plan.total_bytes = plan.experts_bytes + spec.layer_weights * spec.n_layers + 2 * spec.output;
    return plan;
}

/// The reference case: Mixtral-8x7B, 4 bit, two cards of 16 GiB, experts dealt out in turn: 14 and
/// 18 layers, 132 and 124 experts, layer 0 whole on the first card.
inline Plan mixtral_alternate_plan() {
    PlanSpec spec;
    spec.model = "mixtral-8x7b";
    spec.n_layers = 32;
    spec.n_experts = 8;
    spec.n_used = 2;
    spec.layer_weights = Bytes(23'625'728);
    spec.layer_kv = 16_MiB;
    spec.expert = Bytes(99'090'432);
    spec.output = Bytes(73'728'000);
    spec.policy = Policy::alternate;
    spec.devices = {device_of("cuda:0", 16_GiB, 1_GiB), device_of("cuda:1", 16_GiB, 1_GiB)};
    spec.layer_device = [](std::uint32_t layer) { return DeviceId(layer < 14 ? 0 : 1); };
    // Odd experts of the second card's layers are on the first card, even ones on the second.
    spec.expert_device = [](std::uint32_t layer, std::uint32_t expert) {
        const bool odd = expert % 2 == 1;
        const bool first_half = layer < 14;
        return DeviceId(layer == 0 || odd != first_half ? 0 : 1);
    };
    Plan plan = build_plan(spec);
    plan.modelled = {{Policy::balanced, 0.00912},
                     {Policy::fastest, 0.00887},
                     {Policy::alternate, 0.01034},
                     {Policy::layers, std::nullopt}};
    plan.explanation = {
        "layers are split 14 and 18, because experts of each layer are dealt out over both devices "
        "and the first layer's experts stay together",
        "device speeds are typical values: 300 GB/s, 10 us a hop"};
    return plan;
}

/// Two capped host devices, the last expert of the first layer moved away; from a dry run.
inline Plan small_host_plan() {
    PlanSpec spec;
    spec.model = "SmolLM2 8x135M";
    spec.n_layers = 30;
    spec.n_experts = 8;
    spec.n_used = 2;
    spec.layer_weights = 1_MiB;
    spec.layer_kv = 768_KiB;
    spec.expert = Bytes(1'658'880);
    spec.output = 17_MiB;
    spec.basis = Basis::dry_run;
    spec.context.tokens = TokenCount(1024);
    spec.devices = {device_of("host0", 320_MiB, 20_MiB), device_of("host1", 320_MiB, 20_MiB)};
    spec.layer_device = [](std::uint32_t layer) { return DeviceId(layer < 15 ? 0 : 1); };
    spec.expert_device = [](std::uint32_t layer, std::uint32_t expert) {
        return DeviceId(layer >= 15 || (layer == 0 && expert == 7) ? 1 : 0);
    };
    Plan plan = build_plan(spec);
    plan.parking = {.memory = 256_MiB, .files = 1_GiB};
    plan.cache = CacheAbilities{};
    return plan;
}

/// A model without routed experts on one device.
inline Plan dense_plan() {
    PlanSpec spec;
    spec.model = "dense-7b";
    spec.n_layers = 32;
    spec.n_experts = 0;
    spec.n_used = 0;
    spec.layer_weights = 110_MiB;
    spec.layer_kv = 16_MiB;
    spec.output = 70_MiB;
    spec.policy = Policy::layers;
    spec.devices = {device_of("cuda:0", 8_GiB, 512_MiB)};
    spec.layer_device = [](std::uint32_t) { return DeviceId(0); };
    return build_plan(spec);
}

/// DeepSeek-V3-like: 3 dense layers, 58 of 256 experts, `n_devices` devices of unequal budgets,
/// whole layers but for some experts of each third layer that live on the next device.
inline Plan wide_plan(std::uint32_t n_devices) {
    PlanSpec spec;
    spec.model = "deepseek-v3";
    spec.architecture = "deepseek2";
    spec.n_layers = 61;
    spec.n_experts = 256;
    spec.n_used = 8;
    spec.n_dense_layers = 3;
    spec.layer_weights = 180_MiB;
    spec.layer_kv = 20_MiB;
    spec.expert = 24_MiB;
    spec.output = 500_MiB;
    spec.context.kv_type = KvType::q8_0;
    for (std::uint32_t d = 0; d < n_devices; ++d) {
        const Bytes budget = (d % 3 == 2 ? 640_GiB : 480_GiB) * (d == 0 ? 5 : 4);
        spec.devices.push_back(
            device_of("cuda:" + std::to_string(d), Bytes(budget.count() / 4 / n_devices), 1_GiB));
    }
    spec.layer_device = [n_devices](std::uint32_t layer) {
        return DeviceId(layer * n_devices / 61);
    };
    spec.expert_device = [n_devices](std::uint32_t layer, std::uint32_t expert) {
        const std::uint32_t home = layer * n_devices / 61;
        const bool away = layer % 3 == 0 && expert >= 190;
        return DeviceId(away ? (home + 1) % n_devices : home);
    };
    return build_plan(spec);
}

/// `n_devices` host devices, 32 layers of `n_experts` experts dealt out one by one.
inline Plan dealt_plan(std::uint32_t n_devices, std::uint32_t n_experts) {
    PlanSpec spec;
    spec.model = "dealt";
    spec.n_layers = 32;
    spec.n_experts = n_experts;
    spec.n_used = 2;
    for (std::uint32_t d = 0; d < n_devices; ++d) {
        const Bytes budget = Bytes(5'400'000ULL * 32 * n_experts / n_devices) + 160_MiB;
        spec.devices.push_back(device_of("host" + std::to_string(d), budget, 16_MiB));
    }
    spec.layer_device = [n_devices](std::uint32_t layer) {
        return DeviceId(layer * n_devices / 32);
    };
    spec.expert_device = [n_devices](std::uint32_t layer, std::uint32_t expert) {
        return DeviceId((layer + expert) % n_devices);
    };
    return build_plan(spec);
}

}  // namespace hexcore::test
