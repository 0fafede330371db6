#include "hexcore/cli/run_report_of.hpp"

namespace hexcore {
namespace {

double per_second(std::uint32_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

CacheStats cache_stats(const Plan& plan, ModelSession& session, const Answer& answer) {
    CacheStats stats;
    llama_memory_t memory = llama_get_memory(&session.context());
    stats.cells_total = llama_n_ctx(&session.context());
    stats.cells_used = static_cast<std::uint64_t>(llama_memory_seq_pos_max(memory, 0)) + 1;
    for (const PlannedDevice& device : plan.devices) {
        stats.bytes_total += device.planned.kv;
    }
    stats.bytes_used = Bytes(stats.bytes_total.count() / stats.cells_total * stats.cells_used);
    stats.high_water = stats.bytes_used;  // nothing is ever taken out of a run's one sequence
    stats.tokens_computed = answer.computed_tokens;
    stats.kv_type = plan.context.kv_type;
    stats.sessions = 1;
    return stats;
}

}  // namespace

Result<void> check_plan_fits_model(const Plan& plan, const PlanningInput& input) {
    const Inventory& inventory = input.inventory;
    if (plan.n_layers != inventory.n_layers || plan.architecture != inventory.architecture) {
        return fail(ErrorCode::bad_input,
                    "the plan is for {} layers of {}, the model has {} of {}; plan again for this "
                    "file",
                    plan.n_layers, plan.architecture, inventory.n_layers, inventory.architecture);
    }
    std::vector<std::size_t> experts(inventory.n_layers, 0);
    // Layers that predict further tokens are not loaded, so plans leave out their experts.
    const std::uint32_t n_loaded = inventory.n_layers - inventory.n_layers_nextn;
    for (const TensorInfo& tensor : inventory.tensors) {
        if (tensor.role == TensorRole::expert && tensor.layer && tensor.layer->value() < n_loaded) {
            experts[tensor.layer->value()] = tensor.n_experts;
        }
    }
    for (std::size_t layer = 0; layer < experts.size(); ++layer) {
        const std::size_t planned = layer < plan.placement.expert_device.size()
                                        ? plan.placement.expert_device[layer].size()
                                        : 0;
        if (planned != experts[layer]) {
            return fail(
                ErrorCode::bad_input,
                "the plan has {} experts in layer {}, the model has {}; plan again for this "
                "file",
                planned, layer, experts[layer]);
        }
    }
    return {};
}

Result<void> describe_run(RunReport& report, const Plan& plan, ModelSession& session,
                          const Answer& answer) {
    report.text = answer.text;
    report.stop = answer.stop;
    report.prompt_tokens = TokenCount(answer.prompt_tokens);
    report.generated_tokens = TokenCount(answer.generated_tokens);
    report.timing.prompt_tokens_per_s = per_second(answer.prompt_tokens, answer.prompt_seconds);
    // The first token comes with the prompt; every other took a decode of its own.
    const std::uint32_t decoded = answer.generated_tokens > 0 ? answer.generated_tokens - 1 : 0;
    report.timing.decode_tokens_per_s = per_second(decoded, answer.decode_seconds);
    Machine& machine = session.machine();
    for (std::size_t i = 0; i < machine.size(); ++i) {
        const Device& device = machine.device(DeviceId(i));
        const DeviceMemory& memory = device.memory();
        HEXCORE_TRY(measured, device.measured());
        report.devices.push_back({.name = plan.devices[i].name,
                                  .budget = plan.devices[i].budget,
                                  .planned = plan.devices[i].planned,
                                  .accounted = memory.accounted(),
                                  .measured = measured,
                                  .measured_by = device.measured_by(),
                                  .peak = memory.budget().peak(),
                                  .refused = memory.budget().refused()});
    }
    report.host = {.planned = plan.host, .accounted = session.host_usage()};
    report.cache = cache_stats(plan, session, answer);
    return {};
}

Result<void> describe_unloaded(RunReport& report, Machine& machine) {
    for (std::size_t i = 0; i < machine.size(); ++i) {
        const Device& device = machine.device(DeviceId(i));
        HEXCORE_TRY(measured, device.measured());
        report.after_unload.push_back({.name = device.name(),
                                       .accounted = device.memory().budget().used(),
                                       .measured = measured});
    }
    return {};
}

}  // namespace hexcore
