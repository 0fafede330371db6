#include "hexcore/runtime/dry_run.hpp"

#include "hexcore/runtime/cache_abilities.hpp"
#include "hexcore/runtime/context_adapters.hpp"
#include "hexcore/runtime/context_memory.hpp"
#include "hexcore/runtime/key_shift.hpp"
#include "hexcore/runtime/load_error.hpp"
#include "hexcore/runtime/model_file.hpp"
#include "llama-cpp.h"

namespace hexcore {
namespace {

struct TriedPlan {
    const Inventory& inventory;
    const ContextOptions& options;
    const std::atomic<bool>* stop;

    [[nodiscard]] Result<void> not_stopped() const {
        if (stop != nullptr && stop->load()) {
            return fail(ErrorCode::interrupted,
                        "interrupted while planning; nothing was allocated");
        }
        return {};
    }
};

Result<DryRunUsage> dry_run(const Machine& planned_for, const TriedPlan& trial, const Plan& plan) {
    LlamaLog log;
    HEXCORE_TRY_VOID(trial.not_stopped());
    HEXCORE_TRY(simulated, planned_for.simulated());
    Machine& machine = *simulated;
    HEXCORE_TRY_VOID(machine.place_experts(plan.placement, &trial.inventory));
    HEXCORE_TRY(expert_caches, machine.take_expert_caches(plan.devices));
    const LoadParameters parameters(machine, plan);
    llama_model_params model_parameters = parameters.model();
    model_parameters.no_alloc = true;
    model_parameters.load_mode = LLAMA_LOAD_MODE_NONE;
    HEXCORE_TRY(model, load_model_file(trial.inventory, model_parameters));
    if (!model) {
        return tl::unexpected(load_error(machine, log, trial.inventory, "cannot use the file"));
    }
    HEXCORE_TRY_VOID(trial.not_stopped());
    const auto sets = trial.options.adapter_sets();
    ContextAdapters adapters;
    HEXCORE_TRY(have_room, adapters.allocate(*model, sets));
    if (!have_room) {
        return tl::unexpected(load_error(machine, log, trial.inventory, "cannot use the adapters"));
    }
    const llama_context_params context_params = context_parameters(plan.context, trial.options);
    std::vector<llama_context_ptr> contexts;
    for (const std::vector<ChosenAdapter>& set : sets) {
        HEXCORE_TRY_VOID(trial.not_stopped());
        contexts.push_back(new_context(*model, plan.context, trial.options));
        llama_context* context = contexts.back().get();
        if (context == nullptr || !adapters.apply_to(*context, set) ||
            !reserve_compute(*context, context_params.n_outputs_max)) {
            return tl::unexpected(
                load_error(machine, log, trial.inventory, "cannot make that context"));
        }
        if (!reserve_planned_shift(*context, trial.options, trial.inventory,
                                   plan.context.kv_type)) {
            return tl::unexpected(
                load_error(machine, log, trial.inventory, "cannot move its keys"));
        }
    }
    llama_context* const first = contexts.front().get();
    DryRunUsage usage = contexts_usage(machine, contexts);
    usage.host.adapters = adapters.host_bytes();
    if (llama_get_memory(first) != nullptr) {
        usage.cache = cache_abilities(*first, trial.inventory, plan.context);
    }
    for (std::size_t i = 0; i < machine.size(); ++i) {
        usage.devices[i].experts = machine.layout().on_device(DeviceId(i));
        const Device& device = machine.device(DeviceId(i));
        const Usage simulated_usage = device.memory().accounted();
        // libllama counts the recurrent state as part of the context's memory.
        usage.devices[i].recurrent = simulated_usage.recurrent;
        usage.devices[i].kv -= simulated_usage.recurrent;
        usage.devices[i].adapters = simulated_usage.adapters;
        usage.devices[i].compute = simulated_usage.compute;
        usage.devices[i].expert_cache = simulated_usage.expert_cache;
        usage.devices[i].staging = device.overhead();
    }
    return usage;
}

}  // namespace

DryRun make_dry_run(const Machine& machine, const Inventory& inventory, ContextOptions options,
                    const std::atomic<bool>* stop) {
    return [&machine, &inventory, options, stop](const Plan& plan) {
        return dry_run(machine, TriedPlan{inventory, options, stop}, plan);
    };
}

}  // namespace hexcore
