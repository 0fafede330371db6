#include "hexcore/plan/draft.hpp"

#include <algorithm>

#include "hexcore/plan/compute_estimate.hpp"
#include "hexcore/plan/expert_cache.hpp"

namespace hexcore {
namespace {

std::vector<PlannedDevice> planned_devices(const PlanRequest& request, const ModelFacts& model,
                                           const std::vector<DeviceFacts>& devices,
                                           const Placement& placement) {
    std::vector<PlannedDevice> planned;
    for (std::size_t d = 0; d < devices.size(); ++d) {
        PlannedDevice& made = planned.emplace_back();
        made.name = request.devices[d].name;
        made.kind = request.devices[d].kind;
        made.budget = request.devices[d].budget;
        made.reserve = request.devices[d].reserve;
        made.planned.staging = devices[d].staging;
    }
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        PlannedDevice& home = planned[placement.layer_device[l].value()];
        ++home.layers;
        home.planned.weights += model.layers[l].weights;
        home.planned.adapters += model.layers[l].adapters;
        home.planned.kv += model.layers[l].kv;
        for (const DeviceId expert : placement.expert_device[l]) {
            ++planned[expert.value()].experts;
            planned[expert.value()].planned.experts += model.layers[l].expert;
            planned[expert.value()].planned.adapters += model.layers[l].expert_adapters;
        }
    }
    const std::size_t last = placement.layer_device.back().value();
    planned[last].planned.weights += model.output;
    planned[last].planned.adapters += model.output_adapters;
    for (std::size_t d = 0; d < devices.size(); ++d) {
        if (planned[d].layers > 0) {
            planned[d].planned.compute += devices[d].compute;
        }
    }
    planned[last].planned.compute += devices[last].compute_output;
    return planned;
}

/// Where placement kept room for a cache, and there is something for it to hold.
void add_expert_caches(const PlanRequest& request, const std::vector<DeviceFacts>& devices,
                       Plan& plan) {
    for (std::size_t d = 0; d < devices.size(); ++d) {
        plan.devices[d].planned.expert_cache = devices[d].expert_cache;
    }
    fit_expert_caches(request.model, plan);
}

}  // namespace

Plan draft_plan(const PlanRequest& request, const ModelFacts& model,
                const std::vector<DeviceFacts>& devices, Placement placement) {
    Plan plan;
    plan.basis = Basis::estimate;
    plan.model_name = request.model.name;
    plan.architecture = request.model.architecture;
    plan.n_layers = static_cast<std::uint32_t>(model.layers.size());
    plan.n_experts = model.n_experts;
    plan.n_experts_used = model.n_experts_used;
    plan.total_bytes = request.model.total;
    plan.experts_bytes = model.experts_bytes();
    plan.embedding = model.input;
    plan.output = model.output;
    plan.policy = request.policy;
    plan.context = request.context;
    plan.adapters = request.adapters;
    plan.devices = planned_devices(request, model, devices, placement);
    plan.host.weights = model.input;
    plan.host.adapters = model.input_adapters;
    plan.host.staging = request.host_staging;
    plan.host.compute = estimate_compute(request.model, request.context).host;
    plan.placement = std::move(placement);
    add_expert_caches(request, devices, plan);
    return plan;
}

void take_over(const DryRunUsage& usage, Plan& plan) {
    HEXCORE_CHECK(usage.devices.size() == plan.devices.size(), usage.devices.size(),
                  plan.devices.size());
    const Bytes staging = plan.host.staging;  // is not libllama's
    plan.basis = Basis::dry_run;
    plan.host = usage.host;
    plan.host.staging = staging;
    plan.cache = usage.cache;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        plan.devices[d].planned = usage.devices[d];
    }
}

std::optional<NotFitting> furthest_over(const Plan& plan) {
    std::optional<NotFitting> worst;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        const PlannedDevice& device = plan.devices[d];
        const Bytes usable = saturating_subtract(device.budget, device.reserve);
        const Bytes over = saturating_subtract(device.planned.total(), usable);
        if (over > Bytes() && (!worst || over > worst->missing)) {
            worst = NotFitting{d, over};
        }
    }
    return worst;
}

}  // namespace hexcore
