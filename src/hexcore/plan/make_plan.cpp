#include "hexcore/plan/make_plan.hpp"

#include <algorithm>

#include "hexcore/plan/attempt.hpp"
#include "hexcore/plan/compute_estimate.hpp"
#include "hexcore/plan/kv_cache.hpp"

namespace hexcore {
namespace {

constexpr std::uint32_t default_context_tokens = 4096;  // for a model that tells no trained context

/// The devices with compute buffers estimated where none are given.
std::vector<DeviceFacts> with_compute(const PlanRequest& request) {
    const ComputeEstimate estimate = estimate_compute(request.model, request.context);
    std::vector<DeviceFacts> devices = request.devices;
    for (DeviceFacts& device : devices) {
        if (device.compute == Bytes() && device.compute_output == Bytes()) {
            device.compute = estimate.layers;
            device.compute_output = estimate.output;
        }
    }
    return devices;
}

std::vector<PlannedDevice> planned_devices(const ModelFacts& model,
                                           const std::vector<DeviceFacts>& devices,
                                           const Placement& placement) {
    std::vector<PlannedDevice> planned;
    for (const DeviceFacts& device : devices) {
        PlannedDevice& made = planned.emplace_back();
        made.name = device.name;
        made.budget = device.budget;
        made.reserve = device.reserve;
        made.planned.staging = device.staging;
    }
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        PlannedDevice& home = planned[placement.layer_device[l].value()];
        ++home.layers;
        home.planned.weights += model.layers[l].weights;
        home.planned.kv += model.layers[l].kv;
        for (const DeviceId expert : placement.expert_device[l]) {
            ++planned[expert.value()].experts;
            planned[expert.value()].planned.experts += model.layers[l].expert;
        }
    }
    const std::size_t last = placement.layer_device.back().value();
    planned[last].planned.weights += model.output;
    for (std::size_t d = 0; d < devices.size(); ++d) {
        if (planned[d].layers > 0) {
            planned[d].planned.compute += devices[d].compute;
        }
    }
    planned[last].planned.compute += devices[last].compute_output;
    return planned;
}

Plan build(const PlanRequest& request, const ModelFacts& model,
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
    plan.policy = request.policy;
    plan.context = request.context;
    plan.devices = planned_devices(model, devices, placement);
    plan.host.weights = model.input;
    plan.host.staging = request.host_staging;
    plan.host.compute = estimate_compute(request.model, request.context).host;
    plan.placement = std::move(placement);
    return plan;
}

void take_over(const DryRunUsage& usage, Plan& plan) {
    HEXCORE_CHECK(usage.devices.size() == plan.devices.size(), usage.devices.size(),
                  plan.devices.size());
    const Bytes staging = plan.host.staging;  // is not libllama's
    plan.basis = Basis::dry_run;
    plan.host = usage.host;
    plan.host.staging = staging;
    for (std::size_t d = 0; d < plan.devices.size(); ++d) {
        plan.devices[d].planned = usage.devices[d];
    }
}

/// The device that is furthest over what it may hold.
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

/// Times that a request is planned with better numbers before it counts as not fitting.
constexpr std::uint32_t max_rounds = 6;

/// Takes `less` off `from`, as far as there is something, and gives the rest.
Bytes take_off(Bytes& from, Bytes less) {
    const Bytes taken = std::min(from, less);
    from -= taken;
    return less - taken;
}

/// Adds what the dry run found above the plan to the devices' facts, or takes off what it found
/// below. What the output takes (logits, above all) is the same wherever it goes.
void correct(const Plan& made, const DryRunUsage& usage, std::vector<DeviceFacts>& devices) {
    const std::size_t output = made.placement.layer_device.back().value();
    for (std::size_t d = 0; d < devices.size(); ++d) {
        const Bytes planned = made.devices[d].planned.total();
        const Bytes exact = usage.devices[d].total();
        Bytes& adjusted = d == output                  ? devices[d].compute_output
                          : made.devices[d].layers > 0 ? devices[d].compute
                                                       : devices[d].staging;
        adjusted += saturating_subtract(exact, planned);
        const Bytes rest = take_off(adjusted, saturating_subtract(planned, exact));
        if (d == output) {
            (void)take_off(devices[d].compute, rest);
        }
    }
    for (DeviceFacts& device : devices) {
        device.compute_output = devices[output].compute_output;
    }
}

/// Compute buffers as if they took nothing, and each cache the least it can: a dry run of what then
/// fits tells their size, where an estimate that is too high would have ended the search.
void forget_estimates(std::vector<DeviceFacts>& devices, ModelFacts& model) {
    for (DeviceFacts& device : devices) {
        device.compute = Bytes();
        device.compute_output = Bytes();
    }
    for (LayerFacts& layer : model.layers) {
        layer.kv = layer.kv_least;
    }
}

/// Scales the KV caches of each device's layers to what the dry run found there: which layers have
/// a sliding window, or none at all, only libllama knows. `formula` has them as estimated first.
void correct_kv(const ModelFacts& formula, const DryRunUsage& usage, Plan& made,
                ModelFacts& model) {
    std::vector<Bytes> estimated(made.devices.size());
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        estimated[made.placement.layer_device[l].value()] += formula.layers[l].kv;
    }
    for (PlannedDevice& device : made.devices) {
        device.planned.kv = {};
    }
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        const std::size_t d = made.placement.layer_device[l].value();
        if (estimated[d] > Bytes()) {
            const double share = formula.layers[l].kv.as_double() / estimated[d].as_double();
            model.layers[l].kv =
                Bytes(static_cast<std::uint64_t>(usage.devices[d].kv.as_double() * share));
        }
        made.devices[d].planned.kv += model.layers[l].kv;
    }
}

}  // namespace

Result<PlanRequest> settle(PlanRequest request) {
    if (request.devices.empty() || request.devices.size() > max_devices) {
        return fail(ErrorCode::usage, "{} devices to plan for; give 1 to {} with --device",
                    request.devices.size(), max_devices);
    }
    if (request.model.layers.empty()) {
        return fail(ErrorCode::bad_input, "model '{}' has no layers", request.model.name);
    }
    if (request.context.sequences == 0 || request.context.ubatch == TokenCount(0)) {
        return fail(ErrorCode::usage, "--sequences is {} and --ubatch {}; both must be at least 1",
                    request.context.sequences, request.context.ubatch.value());
    }
    if (request.context.tokens == TokenCount(0)) {
        request.context.tokens = TokenCount(
            request.model.n_ctx_train > 0 ? request.model.n_ctx_train : default_context_tokens);
    }
    request.context = padded(request.context);
    return request;
}

Result<Attempt> attempt(const PlanRequest& request, const DryRun& dry_run, Rounds rounds) {
    const ModelFacts formula = facts_for(request.model, request.context);
    ModelFacts model = formula;
    std::vector<DeviceFacts> devices = with_compute(request);
    std::optional<Attempted> fitting;
    std::optional<NotFitting> why;
    for (std::uint32_t round = 0; round < max_rounds; ++round) {
        auto placement = place(model, devices, request.policy, request.options);
        if (!placement) {
            if (!why) {
                why = NotFitting{placement.error().device.value(), placement.error().missing};
            }
            if (round == 0 && dry_run) {
                forget_estimates(devices, model);
                continue;
            }
            break;
        }
        Attempted made{build(request, model, devices, *std::move(placement)), devices, model};
        if (!dry_run) {
            return Attempt(std::move(made));
        }
        if (fitting && fitting->plan.placement == made.plan.placement) {
            break;
        }
        HEXCORE_TRY(usage, dry_run(made.plan));
        correct_kv(formula, usage, made.plan, model);
        correct(made.plan, usage, devices);
        take_over(usage, made.plan);
        const std::optional<NotFitting> over = furthest_over(made.plan);
        why = over;
        if (!over) {
            made.devices = devices;
            made.model = model;
            fitting = std::move(made);
            if (rounds == Rounds::probe) {
                break;
            }
        }
    }
    if (fitting) {
        return Attempt(*std::move(fitting));
    }
    return Attempt(tl::unexpected(why.value_or(NotFitting{})));
}

Result<Plan> make_plan(const PlanRequest& request) { return make_plan(request, DryRun()); }

Result<Plan> make_plan(const PlanRequest& request, const DryRun& dry_run) {
    HEXCORE_TRY(settled, settle(request));
    HEXCORE_TRY(attempted, attempt(settled, dry_run, Rounds::careful));
    if (!attempted) {
        return tl::unexpected(not_fitting_error(settled, dry_run, attempted.error()));
    }
    Plan plan = attempted->plan;
    explain(attempted->model, *attempted, settled.options, plan);
    return plan;
}

Result<Plan> finish_plan(Plan plan, const DryRunUsage& usage) {
    take_over(usage, plan);
    if (const std::optional<NotFitting> over = furthest_over(plan)) {
        const PlannedDevice& device = plan.devices[over->device];
        return fail(ErrorCode::does_not_fit,
                    "{} takes {} with this plan, {} bytes ({}) more than its budget of {} less the "
                    "reserve of {}; raise the budget or lower --ctx",
                    device.name, to_string(device.planned.total()), over->missing.count(),
                    to_string(over->missing), to_string(device.budget), to_string(device.reserve));
    }
    return plan;
}

}  // namespace hexcore
