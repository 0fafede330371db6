#include "hexcore/cli/planning.hpp"

#include <algorithm>

#include "hexcore/backend/inner_device.hpp"
#include "hexcore/backend/settled_devices.hpp"
#include "hexcore/cli/option_value.hpp"
#include "hexcore/device/host_memory.hpp"
#include "hexcore/device/machine.hpp"
#include "hexcore/plan/kv_type_blame.hpp"
#include "hexcore/plan/profile.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "hexcore/runtime/parallel_reader.hpp"

namespace hexcore {
namespace {

Result<std::vector<DeviceSpec>> settled(const PlanningOptions& options) {
    if (!options.settled.empty()) {
        return options.settled;
    }
    HEXCORE_TRY(machine, probe_machine());
    std::optional<Bytes> reserve;
    if (!options.reserve.empty()) {
        HEXCORE_TRY(size, parse_bytes(options.reserve));
        reserve = size;
    }
    return settled_devices(options.devices, reserve, machine);
}

DeviceFacts facts_of(const DeviceSpec& spec) {
    DeviceFacts facts;
    facts.name = spec.name;
    facts.budget = spec.budget;
    facts.reserve = spec.reserve;
    facts.main_memory = spec.kind == DeviceKind::host;
    if (spec.measured) {
        facts.bandwidth_bytes_per_s = spec.measured->weights_bytes_per_s;
        facts.hop_latency_s = spec.measured->hop_s;
        facts.speed_source = SpeedSource::measured;
    } else {
        const TypicalSpeed speed =
            spec.kind == DeviceKind::host ? typical_host_speed() : typical_gpu_speed(spec.gpu_name);
        facts.bandwidth_bytes_per_s = speed.bandwidth_bytes_per_s;
        facts.hop_latency_s = speed.hop_latency_s;
        facts.speed_source = SpeedSource::typical;
    }
    if (spec.kind == DeviceKind::cuda) {
        facts.staging =
            typical_cuda_context + (spec.measured ? spec.measured->pools : typical_cuda_pools);
    }
    return facts;
}

Result<PlanRequest> request_for(const PlanningOptions& options, ModelProfile model,
                                const std::vector<DeviceSpec>& specs) {
    PlanRequest request;
    request.model = std::move(model);
    std::transform(specs.begin(), specs.end(), std::back_inserter(request.devices), facts_of);
    request.host_staging = ReaderOptions::to(specs).staging();
    HEXCORE_TRY(memory, probe_host_memory());
    request.main_memory = memory.cgroup_limit.value_or(memory.total);
    HEXCORE_TRY(kv_type, parse_kv_type(options.kv_type));
    HEXCORE_TRY(policy, parse_policy(options.policy));
    const bool fits_longest = options.fit == "ctx";
    const std::uint32_t trained = request.model.n_ctx_train;
    const std::uint32_t ordinary = trained == 0
                                       ? PlanningOptions::default_context_tokens
                                       : std::min(trained, PlanningOptions::default_context_tokens);
    std::uint32_t tokens = options.context_tokens;
    if (tokens == 0 && !fits_longest) {
        tokens = ordinary * options.sequences;
    }
    request.context = {.tokens = TokenCount(tokens),
                       .sequences = options.sequences,
                       .kv_type = kv_type,
                       .ubatch = TokenCount(options.ubatch)};
    request.policy = policy;
    return request;
}

}  // namespace

void PlanningOptions::add_to(CLI::App& command, bool model_required) {
    auto* positional =
        command.add_option("model", model, "a GGUF file; of a split model, any part");
    positional->required(model_required)->option_text("MODEL");
    command
        .add_option("--device", devices,
                    "host=SIZE, cuda:N[=SIZE], rpc:HOST:PORT[=SIZE] or SIZE; repeatable, in order")
        ->option_text("SPEC")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        .add_option("--reserve", reserve,
                    "kept free on each device (default: 1/16 of the budget, at most 1GiB)")
        ->check(byte_size())
        ->option_text("SIZE");
    command
        .add_option("-c,--ctx", context_tokens,
                    "tokens of context for all sequences together, 32k for 32768 (default: 4096 "
                    "for each, or what the model was trained for)")
        ->option_text("N")
        ->transform(token_count(16U << 20U));
    command.add_option("--kv-type", kv_type, "element type of the KV cache: f16, q8_0 or q4_0")
        ->option_text("TYPE")
        ->check(CLI::IsMember({"f16", "q8_0", "q4_0"}));
    command.add_option("--sequences", sequences, "sequences side by side in the KV cache")
        ->option_text("N")
        ->check(CLI::Range(1U, 256U));
    command.add_option("--ubatch", ubatch, "tokens computed at once, at most")
        ->option_text("N")
        ->check(CLI::Range(1U, 16384U));
    command.add_option("--policy", policy, "balanced, fastest, alternate or layers")
        ->option_text("NAME")
        ->check(CLI::IsMember({"balanced", "fastest", "alternate", "layers"}));
    command
        .add_option("--fit", fit, "ctx: the longest context that fits (at most --ctx, if given)")
        ->option_text("WHAT")
        ->check(CLI::IsMember({"ctx"}));
}

void PlanningOptions::add_loading_to(CLI::App& command) {
    command.add_flag("--verify-data", verify_data,
                     "refuse a model with a NaN or an infinity in its tensors, looked for while "
                     "they are read");
}

Result<PlanRequest> shape_request(const PlanningOptions& options, const std::string& shape,
                                  const std::string& quant) {
    HEXCORE_TRY(model, profile_from_shape(shape, quant));
    HEXCORE_TRY(specs, settled(options));
    return request_for(options, std::move(model), specs);
}

Result<PlanningInput> planning_input(const PlanningOptions& options) {
    PlanningInput input;
    if (options.model == "-") {
        return fail(ErrorCode::usage,
                    "a model must be a file, which is read in many places and more than once, so - "
                    "for standard input cannot be one");
    }
    HEXCORE_TRY(inventory, read_inventory(options.model));
    input.inventory = std::move(inventory);
    HEXCORE_TRY(specs, settled(options));
    HEXCORE_TRY(machine, Machine::create(specs));
    input.machine = std::move(machine);
    HEXCORE_TRY(request, request_for(options, profile_from_inventory(input.inventory), specs));
    input.request = std::move(request);
    for (std::size_t i = 0; i < input.machine->size(); ++i) {
        input.request.devices[i].staging = input.machine->device(DeviceId(i)).overhead();
    }
    return input;
}

Result<Plan> plan_exactly(PlanningInput& input, const PlanningOptions& options,
                          ContextOptions context, const std::atomic<bool>* stop) {
    const DryRun dry_run = make_dry_run(*input.machine, input.inventory, context, stop);
    auto planned = options.fit == "ctx" ? fit_context(input.request, dry_run)
                                        : make_plan(input.request, dry_run);
    if (!planned) {
        return tl::unexpected(
            with_kv_type_blamed(std::move(planned.error()), input.request, dry_run));
    }
    Plan plan = *std::move(planned);
    for (std::size_t i = 0; i < input.machine->size(); ++i) {
        const Device& device = input.machine->device(DeviceId(i));
        if (device.overhead() > Bytes{}) {
            const Bytes driver = device.overhead_taken();
            const bool is_measured = input.machine->specs()[i].measured.has_value();
            plan.explanation.push_back(fmt::format(
                "Staging on {} is a CUDA context of {}, measured when it was made, and {} for "
                "kernels and memory pools, {}.",
                device.name(), to_string(driver), to_string(device.overhead() - driver),
                is_measured ? "as measured on this card by hexcore devices --measure"
                            : "a typical value (hexcore devices --measure measures it)"));
        }
    }
    return plan;
}

}  // namespace hexcore
