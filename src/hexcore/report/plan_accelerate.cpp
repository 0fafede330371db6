#include "hexcore/report/plan_accelerate.hpp"

#include <algorithm>

#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

/// GPU number or "cpu" for each device of the plan.
Result<std::vector<Json>> number_devices(const Plan& plan) {
    std::vector<Json> numbers;
    for (const PlannedDevice& device : plan.devices) {
        switch (device.kind) {
            case DeviceKind::host:
                numbers.emplace_back("cpu");
                break;
            case DeviceKind::cuda: {
                HEXCORE_TRY(name, parse_device_name(device.name));
                numbers.emplace_back(name.index);
                break;
            }
            case DeviceKind::rpc:
                return fail(ErrorCode::usage, {{Change::other_device}},
                            "accelerate has no device like {}, only GPUs and host memory",
                            printable(device.name));
        }
    }
    return numbers;
}

Result<void> check_is_mixtral(const Plan& plan) {
    const auto& layers = plan.placement.expert_device;
    const bool even = std::all_of(layers.begin(), layers.end(), [&](const auto& experts) {
        return experts.size() == plan.n_experts;
    });
    if (plan.architecture != "llama" || plan.n_experts == 0 || !even || layers.empty()) {
        return fail(ErrorCode::usage, {{Change::json_plan}},
                    "a device map of accelerate has module names of Mixtral models only "
                    "(architecture llama with experts in every layer); {} is a {} model{}",
                    printable(plan.model_name), printable(plan.architecture),
                    plan.n_experts == 0 ? " without experts" : "");
    }
    return {};
}

std::size_t count_away(const Placement& placement) {
    std::size_t away = 0;
    for (std::size_t layer = 0; layer < placement.layer_device.size(); ++layer) {
        const std::vector<DeviceId>& experts = placement.expert_device[layer];
        away +=
            static_cast<std::size_t>(std::count_if(experts.begin(), experts.end(), [&](DeviceId d) {
                return d != placement.layer_device[layer];
            }));
    }
    return away;
}

}  // namespace

Result<AccelerateMap> plan_accelerate(const Plan& plan) {
    HEXCORE_TRY_VOID(check_is_mixtral(plan));
    HEXCORE_TRY(numbers, number_devices(plan));
    const auto number = [&](DeviceId device) { return numbers[device.value()]; };
    const std::vector<DeviceId>& homes = plan.placement.layer_device;
    AccelerateMap map;
    map.device_map["model.embed_tokens"] = number(homes.front());
    map.device_map["model.rotary_emb"] = number(homes.front());
    for (std::size_t layer = 0; layer < homes.size(); ++layer) {
        const std::string prefix = fmt::format("model.layers.{}.", layer);
        for (const std::string_view module :
             {"input_layernorm", "self_attn", "post_attention_layernorm",
              "block_sparse_moe.gate"}) {
            map.device_map[prefix + std::string(module)] = number(homes[layer]);
        }
        const std::vector<DeviceId>& experts = plan.placement.expert_device[layer];
        for (std::size_t e = 0; e < experts.size(); ++e) {
            map.device_map[fmt::format("{}block_sparse_moe.experts.{}", prefix, e)] =
                number(experts[e]);
        }
    }
    map.device_map["model.norm"] = number(homes.back());
    map.device_map["lm_head"] = number(homes.back());
    map.notes.emplace_back(
        "module names are those of transformers 4; version 5 merges the experts of a layer into "
        "one tensor that no device_map can divide");
    map.notes.push_back(fmt::format(
        "model.embed_tokens goes with the first layer, on {}: planned in host memory, but "
        "accelerate would copy it from there for every token",
        printable(plan.devices[homes.front().value()].name)));
    if (const std::size_t away = count_away(plan.placement); away > 0) {
        map.notes.push_back(fmt::format(
            "{} experts are not on their layer's device: accelerate moves their input there, but "
            "each needs a hook that moves its output back",
            away));
    }
    return map;
}

}  // namespace hexcore
