#include "hexcore/runtime/describe_run.hpp"

#include "hexcore/backend/machine.hpp"
#include "llama.h"

namespace hexcore {
namespace {

double per_second(std::uint32_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

CacheStats cache_stats(const Plan& plan, LoadedModel& model, const Answer& answer) {
    CacheStats stats;
    llama_memory_t memory = llama_get_memory(&model.context());
    stats.cells_total = llama_n_ctx(&model.context());
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

Result<void> describe_run(RunReport& report, const Plan& plan, LoadedModel& model,
                          const Answer& answer) {
    report.text = answer.text;
    report.stop = answer.stop;
    report.prompt_tokens = TokenCount(answer.prompt_tokens);
    report.generated_tokens = TokenCount(answer.generated_tokens);
    report.timing.prompt_tokens_per_s = per_second(answer.prompt_tokens, answer.prompt_seconds);
    // The first token comes with the prompt; every other took a decode of its own.
    const std::uint32_t decoded = answer.generated_tokens > 0 ? answer.generated_tokens - 1 : 0;
    report.timing.decode_tokens_per_s = per_second(decoded, answer.decode_seconds);
    Machine& machine = model.machine();
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
    report.host = {.planned = plan.host, .accounted = model.host_usage()};
    report.cache = cache_stats(plan, model, answer);
    return {};
}

Result<void> describe_unloaded(RunReport& report, const Machine& machine) {
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
