#include "hexcore/session/describe_run.hpp"

#include <utility>

#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

double per_second(std::uint32_t count, double seconds) {
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace

Result<std::vector<RunDevice>> describe_devices(const LoadedModel& model) {
    const Plan& plan = model.plan();
    std::vector<RunDevice> devices;
    Machine& machine = model.machine();
    for (std::size_t i = 0; i < machine.size(); ++i) {
        const Device& device = machine.device(DeviceId(i));
        const DeviceMemory& memory = device.memory();
        HEXCORE_TRY(measured, device.measured());
        devices.push_back({.name = plan.devices[i].name,
                           .budget = plan.devices[i].budget,
                           .planned = plan.devices[i].planned,
                           .accounted = memory.accounted(),
                           .measured = measured,
                           .measured_by = device.measured_by(),
                           .peak = memory.budget().peak(),
                           .refused = memory.budget().refused(),
                           .expert_cache = device.expert_cache_stats()});
    }
    return devices;
}

Result<void> describe_run(RunReport& report, LoadedModel& model, const Answer& answer) {
    report.text = answer.text;
    report.stop = answer.stop;
    report.prompt_tokens = TokenCount(answer.prompt_tokens);
    report.generated_tokens = TokenCount(answer.generated_tokens);
    report.timing.prompt_tokens_per_s =
        per_second(answer.prompt_tokens - answer.reused_tokens, answer.prompt_seconds);
    // The first token comes with the prompt; every other took a decode of its own.
    const std::uint32_t decoded = answer.generated_tokens > 0 ? answer.generated_tokens - 1 : 0;
    report.timing.decode_tokens_per_s = per_second(decoded, answer.decode_seconds);
    HEXCORE_TRY(devices, describe_devices(model));
    report.devices = std::move(devices);
    report.host = {.planned = model.plan().host, .accounted = model.host_usage()};
    report.cache = answer.cache;
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
