#include "hexcore/report/plan_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "hexcore/report/cache_stats.hpp"
#include "hexcore/report/plan_summary.hpp"
#include "hexcore/report/usage_json.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value) { return std::round(value * 1e6) / 1e6; }

Json model_json(const Plan& plan) {
    return {{"name", plan.model_name},
            {"architecture", plan.architecture},
            {"n_layers", plan.n_layers},
            {"n_experts", plan.n_experts},
            {"n_experts_used", plan.n_experts_used},
            {"total_bytes", plan.total_bytes.count()},
            {"experts_bytes", plan.experts_bytes.count()},
            {"embedding_bytes", plan.embedding.count()},
            {"output_bytes", plan.output.count()}};
}

Json context_json(const Plan& plan) {
    const ContextShape& context = plan.context;
    Json json = {{"tokens", context.tokens.value()},
                 {"sequences", context.sequences},
                 {"kv_type", to_string(context.kv_type)},
                 {"ubatch", context.ubatch.value()}};
    if (context.swa_full) {
        json["swa_full"] = true;
    }
    if (plan.cache) {
        json["can"] = abilities_json(*plan.cache);
    }
    return json;
}

Json devices_json(const Plan& plan) {
    Json devices = Json::array();
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const PlannedDevice& device = plan.devices[d];
        Json& json =
            devices.emplace_back(Json{{"name", device.name},
                                      {"kind", to_string(device.kind)},
                                      {"budget_bytes", device.budget.count()},
                                      {"reserve_bytes", device.reserve.count()},
                                      {"layers", device.layers},
                                      {"experts", device.experts},
                                      {"experts_share", rounded(experts_share(plan, DeviceId(d)))},
                                      {"experts_ratio", rounded(experts_ratio(plan, DeviceId(d)))},
                                      {"output", has_output(plan, DeviceId(d))},
                                      {"planned", usage_json(device.planned)},
                                      {"fill", rounded(device.fill())}});
        if (device.expert_cache_slots > 0) {
            json["expert_cache_slots"] = device.expert_cache_slots;
        }
    }
    return devices;
}

Json adapters_json(const Plan& plan) {
    Json adapters = Json::array();
    for (const PlannedAdapter& adapter : plan.adapters) {
        adapters.push_back({{"name", adapter.name},
                            {"file", adapter.file.empty() ? Json() : Json(adapter.file)},
                            {"content_xxh3", adapter.content},
                            {"scale", adapter.scale},
                            {"rank", adapter.rank},
                            {"bytes", adapter.bytes.count()}});
    }
    return adapters;
}

Json indices_json(const std::vector<DeviceId>& devices) {
    Json indices = Json::array();
    for (const DeviceId device : devices) {
        indices.push_back(device.value());
    }
    return indices;
}

Json experts_json(const std::vector<std::vector<DeviceId>>& device_of) {
    Json layers = Json::array();
    for (const std::vector<DeviceId>& experts : device_of) {
        layers.push_back(indices_json(experts));
    }
    return layers;
}

Json modelled_json(const Plan& plan) {
    Json times = Json::array();
    for (const PolicyTime& time : plan.modelled) {
        times.push_back({{"policy", to_string(time.policy)},
                         {"token_seconds", time.seconds ? Json(*time.seconds) : Json()}});
    }
    return times;
}

}  // namespace

Json plan_json(const Plan& plan) {
    Json json = {{"schema", "hexcore.plan/1"},
                 {"basis", plan.basis == Basis::dry_run ? "dry-run" : "estimate"},
                 {"model", model_json(plan)},
                 {"policy", to_string(plan.policy)},
                 {"context", context_json(plan)},
                 {"devices", devices_json(plan)},
                 {"host", {{"planned", usage_json(plan.host)}}}};
    if (!plan.adapters.empty()) {
        json["adapters"] = adapters_json(plan);
    }
    if (plan.parking) {
        json["parking"] = {{"memory_bytes", plan.parking->memory.count()},
                           {"files_bytes", plan.parking->files.count()}};
    }
    json["layer_device"] = indices_json(plan.placement.layer_device);
    json["expert_device"] = experts_json(plan.placement.expert_device);
    if (!plan.placement.expert_compute_device.empty()) {
        json["expert_compute_device"] = experts_json(plan.placement.expert_compute_device);
    }
    json["modelled"] = modelled_json(plan);
    json["explanation"] = plan.explanation;
    return json;
}

}  // namespace hexcore
