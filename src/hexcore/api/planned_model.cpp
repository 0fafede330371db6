#include "hexcore/api/planned_model.hpp"

#include <algorithm>

#include "hexcore/api/examined_file.hpp"
#include "hexcore/api/leftovers.hpp"
#include "hexcore/backend/find_devices.hpp"
#include "hexcore/backend/ggml_layout.hpp"
#include "hexcore/backend/inner_device.hpp"
#include "hexcore/backend/kernels/kernel_library.hpp"
#include "hexcore/backend/machine.hpp"
#include "hexcore/device/devices_info.hpp"
#include "hexcore/device/host_memory.hpp"
#include "hexcore/device/own_memory.hpp"
#include "hexcore/plan/cache_budget.hpp"
#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/kv_type_blame.hpp"
#include "hexcore/plan/limits.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "hexcore/plan/parking_limits.hpp"
#include "hexcore/plan/profile.hpp"
#include "hexcore/plan/quant_mix.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "hexcore/runtime/model_outputs.hpp"
#include "hexcore/runtime/parallel_reader.hpp"

namespace hexcore {
namespace {

Result<std::vector<DeviceSpec>> devices_for(const PlanningOptions& options) {
    HEXCORE_TRY(machine, probe_machine());
    // Nobody named a budget: what sessions are promised is not in it.
    const Bytes parked = options.parking.memory.value_or(Bytes());
    machine.host_available -= parked < machine.host_available ? parked : Bytes();
    return find_devices(options.devices, options.reserve, machine);
}

DeviceFacts facts_of(const DeviceSpec& spec) {
    DeviceFacts facts;
    facts.name = spec.name;
    facts.kind = spec.kind;
    facts.budget = spec.budget;
    facts.reserve = spec.reserve;
    if (spec.measured) {
        facts.bandwidth_bytes_per_s = spec.measured->weights_bytes_per_s;
        facts.hop_latency_s = spec.measured->hop_s;
        facts.fetch_bytes_per_s = spec.kind == DeviceKind::cuda && KernelLibrary::find() != nullptr
                                      ? spec.measured->copy_bytes_per_s
                                      : 0;
        facts.speed_source = SpeedSource::measured;
    } else {
        const TypicalSpeed speed = typical_speed(spec.kind, spec.gpu_name);
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
    if (options.sequences == 0 || options.sequences > max_sequences ||
        options.ubatch == TokenCount() || options.ubatch.value() > max_ubatch) {
        return fail(ErrorCode::usage,
                    "{} sequences and batches of {} tokens are asked for; there can be 1 to {} and "
                    "1 to {}",
                    options.sequences, options.ubatch.value(), max_sequences, max_ubatch);
    }
    PlanRequest request;
    request.model = std::move(model);
    std::transform(specs.begin(), specs.end(), std::back_inserter(request.devices), facts_of);
    if (options.reader == Reader::hexcore) {
        request.host_staging = ReaderOptions::to(specs).staging();
    }
    HEXCORE_TRY(memory, probe_host_memory());
    request.main_memory = memory.cgroup_limit.value_or(memory.total);
    request.context = {.tokens = options.context,
                       .sequences = options.sequences,
                       .kv_type = options.kv_type,
                       .ubatch = options.ubatch,
                       .swa_full = options.swa_full};
    if (options.context == TokenCount() && !options.longest_context) {
        const std::uint32_t trained = request.model.n_ctx_train;
        const std::uint32_t ordinary =
            trained == 0 ? default_context_tokens : std::min(trained, default_context_tokens);
        request.context.tokens = TokenCount(ordinary * options.sequences);
    }
    request.policy = options.policy;
    request.expert_cache = options.expert_cache;
    return request;
}

/// The plan with the limits for parked sessions that are asked for, as far as there is room for
/// them here.
Result<Plan> with_parking(Plan plan, const ParkingWish& wish) {
    HEXCORE_TRY(memory, probe_host_memory());
    ParkingRoom room{.main_memory = memory.cgroup_limit.value_or(memory.total),
                     .main_memory_free = memory.available};
    if (wish.files.value_or(Bytes()) > Bytes()) {
        room.files = parking_space();
    }
    HEXCORE_TRY(limits, limit_parking(plan, wish, room));
    plan.parking = limits;
    return plan;
}

/// A result with the plan named in its error, which is about what that says.
template <typename T>
Result<T> told_of(std::string_view plan_name, Result<T> result) {
    if (!result) {
        result.error().message = fmt::format("{}: {}", plan_name, result.error().message);
    }
    return result;
}

/// Fails with ErrorCode::bad_input where a plan is for another model.
Result<void> check_plan_fits_model(const Plan& plan, const Inventory& inventory) {
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

/// What besides buffers is taken on a GPU, and how that is known.
void explain_staging(const Machine& machine, Plan& plan) {
    for (std::size_t i = 0; i < machine.size(); ++i) {
        const Device& device = machine.device(DeviceId(i));
        if (device.overhead() > Bytes{}) {
            const Bytes driver = device.overhead_taken();
            const bool is_measured = machine.specs()[i].measured.has_value();
            plan.explanation.push_back(fmt::format(
                "Staging on {} is a CUDA context of {}, measured when it was made, and {} for "
                "kernels and memory pools, {}.",
                device.name(), to_string(driver), to_string(device.overhead() - driver),
                is_measured ? "as measured on this card"
                            : "a typical value until this card is measured"));
        }
    }
}

/// A file, the devices to place it on, and what is asked of the planner.
struct Input {
    Inventory inventory;
    std::unique_ptr<Machine> machine;
    PlanRequest request;
    PlannedAdapters adapters;
    ContextOptions computing;

    /// Has all the others as these adapters want it.
    void take_adapters() {
        std::vector<PlannedAdapters::Set> sets = adapters.of_contexts();
        request.model = profile_from_inventory(inventory);
        add_adapters(sets, request.model);
        request.model.contexts = static_cast<std::uint32_t>(sets.size());
        request.adapters = adapters.planned();
        computing.adapters = std::move(sets.front());
        sets.erase(sets.begin());
        computing.more_adapters = std::move(sets);
    }
};

/// Reads the file and makes the devices. Takes no device memory.
Result<Input> input_for(const PlanningOptions& options, const std::vector<DeviceSpec>& specs,
                        const std::atomic<bool>* stop) {
    Input input;
    HEXCORE_TRY_VOID(check_ggml_layout());
    if (options.model == "-") {
        return fail(ErrorCode::usage,
                    "a model must be a file, which is read in many places and more than once, so - "
                    "for standard input cannot be one");
    }
    HEXCORE_TRY(inventory, read_inventory(options.model));
    input.inventory = std::move(inventory);
    HEXCORE_TRY(adapters, PlannedAdapters::read({.first = options.adapters,
                                                 .more = options.more_adapters,
                                                 .merging = options.merging,
                                                 .resident = options.resident,
                                                 .if_fails = options.if_adapter_fails},
                                                input.inventory, stop));
    HEXCORE_TRY(machine, Machine::create(specs));
    input.machine = std::move(machine);
    input.machine->note_own_memory_before_load(own_memory());
    HEXCORE_TRY(request, request_for(options, profile_from_inventory(input.inventory), specs));
    input.request = std::move(request);
    for (std::size_t i = 0; i < input.machine->size(); ++i) {
        input.request.devices[i].staging = input.machine->device(DeviceId(i)).overhead();
    }
    if (!options.examiner.empty()) {
        HEXCORE_TRY_VOID(
            examine_apart(options.examiner, options.model, input.request.context, stop));
    }
    input.computing = options.computing;
    input.adapters = std::move(adapters);
    input.take_adapters();
    if (options.embeddings_will_do) {
        HEXCORE_TRY(outputs, outputs_of(input.inventory));
        input.computing.wanted = outputs;
    }
    return input;
}

/// Plans in the longest context whose cache takes no more than it may; or in that which is asked
/// for, where nothing is said of the cache.
Result<Plan> plan_context(PlanRequest request, const PlanningOptions& options,
                          const DryRun& dry_run) {
    const auto plan_it = [&] {
        return options.longest_context ? fit_context(request, dry_run)
                                       : make_plan(request, dry_run);
    };
    if (!options.cache_budget) {
        return plan_it();
    }
    HEXCORE_TRY(context, longest_within(request, *options.cache_budget, dry_run));
    request.context.tokens = context.tokens;
    HEXCORE_TRY(plan, plan_it());
    plan.explanation.insert(plan.explanation.begin(), context.sentence);
    return plan;
}

/// Asks for less of the adapters where all of them do not fit, and they may be left out.
Result<Plan> plan_exactly(Input& input, const PlanningOptions& options,
                          const std::atomic<bool>* stop) {
    const auto dry_run = [&] {
        return make_dry_run(*input.machine, input.inventory, input.computing, stop);
    };
    auto planned = plan_context(input.request, options, dry_run());
    while (!planned && planned.error().code == ErrorCode::does_not_fit &&
           input.adapters.ask_for_less(planned.error())) {
        input.take_adapters();
        planned = plan_context(input.request, options, dry_run());
    }
    if (!planned) {
        return tl::unexpected(
            with_kv_type_blamed(std::move(planned.error()), input.request, dry_run()));
    }
    Plan plan = *std::move(planned);
    input.adapters.explain(plan);
    explain_staging(*input.machine, plan);
    return with_parking(std::move(plan), options.parking);
}

}  // namespace

struct PlannedModel::State {
    Inventory inventory;
    std::unique_ptr<Machine> machine;
    Plan plan;
    PlannedAdapters adapters;
    ContextOptions computing;
    std::optional<std::string> no_expert_cache = {};  ///< why, where one was asked for
};

PlannedModel::PlannedModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
PlannedModel::PlannedModel(PlannedModel&& other) noexcept = default;
PlannedModel& PlannedModel::operator=(PlannedModel&& other) noexcept = default;
PlannedModel::~PlannedModel() = default;

Result<PlannedModel> PlannedModel::make(const PlanningOptions& options,
                                        const std::atomic<bool>* stop) {
    HEXCORE_TRY(specs, devices_for(options));
    HEXCORE_TRY(input, input_for(options, specs, stop));
    HEXCORE_TRY(plan, plan_exactly(input, options, stop));
    give_back_more_than_a_load_takes();  // of dry runs
    auto none =
        options.expert_cache > Bytes() ? no_expert_cache(input.request.model, plan) : std::nullopt;
    return PlannedModel(std::unique_ptr<State>(
        new State{std::move(input.inventory), std::move(input.machine), std::move(plan),
                  std::move(input.adapters), input.computing, std::move(none)}));
}

Result<PlannedModel> PlannedModel::follow(Plan plan, std::string_view plan_name,
                                          PlanningOptions options, const std::atomic<bool>* stop) {
    HEXCORE_TRY(memory, probe_machine());
    HEXCORE_TRY(specs, told_of(plan_name, devices_of_plan(plan, memory)));
    options.context = plan.context.tokens;
    options.sequences = plan.context.sequences;
    options.kv_type = plan.context.kv_type;
    options.ubatch = plan.context.ubatch;
    options.swa_full = plan.context.swa_full;
    options.policy = plan.policy;
    HEXCORE_TRY(input, input_for(options, specs, stop));
    HEXCORE_TRY_VOID(told_of(plan_name, check_plan_fits_model(plan, input.inventory)));
    plan.adapters = input.request.adapters;
    fit_expert_caches(input.request.model, plan);
    HEXCORE_TRY(usage, make_dry_run(*input.machine, input.inventory, input.computing, stop)(plan));
    const ParkingWish parking = options.parking.or_as_in(plan);
    HEXCORE_TRY(exact, told_of(plan_name, finish_plan(std::move(plan), usage)));
    HEXCORE_TRY(finished, told_of(plan_name, with_parking(std::move(exact), parking)));
    give_back_more_than_a_load_takes();  // of the dry run
    return PlannedModel(std::unique_ptr<State>(
        new State{std::move(input.inventory), std::move(input.machine), std::move(finished),
                  std::move(input.adapters), input.computing}));
}

const Plan& PlannedModel::plan() const { return state_->plan; }

const Inventory& PlannedModel::inventory() const { return state_->inventory; }

Machine& PlannedModel::machine() const { return *state_->machine; }

const ContextOptions& PlannedModel::computing() const { return state_->computing; }

const Result<std::vector<ChosenAdapter>>& PlannedModel::set(std::size_t i) const {
    return state_->adapters.set(i);
}

std::size_t PlannedModel::n_sets() const { return state_->adapters.n_sets(); }

Result<LoadedModel> PlannedModel::load(LoadOptions options) const {
    if (const auto users = machine().users(); !users.empty()) {
        return fail(ErrorCode::usage, "the devices are in use already: {}; end that first",
                    fmt::join(users, ", "));
    }
    for (const std::string& name : machine().give_back_unused()) {
        if (options.tell) {
            options.tell(fmt::format("unloaded {}, which nobody used", name));
        }
    }
    if (options.tell && state_->no_expert_cache) {
        options.tell(*state_->no_expert_cache);
    }
    for (std::size_t i = 0; i < machine().size(); ++i) {
        const Device& device = machine().device(DeviceId(i));
        if (device.memory().budget().used() > Bytes()) {
            return fail(ErrorCode::usage, "there is something on {} already; give that back first",
                        device.name());
        }
    }
    options.context = computing();
    if (!options.parking_space) {
        options.parking_space = [] { return parking_space(); };
    }
    return LoadedModel::load(machine(), inventory(), plan(), options);
}

Result<Plan> plan_shape(const std::string& shape, const std::string& quant,
                        const PlanningOptions& options) {
    HEXCORE_TRY(model, profile_from_shape(shape, quant));
    HEXCORE_TRY(specs, devices_for(options));
    HEXCORE_TRY(request, request_for(options, std::move(model), specs));
    HEXCORE_TRY(plan, plan_context(request, options, {}));
    HEXCORE_TRY(mix, QuantMix::find(quant));
    plan.explanation.push_back(mix.sentence());
    return with_parking(std::move(plan), options.parking);
}

}  // namespace hexcore
