#include "hexcore/runtime/load_attempt.hpp"

#include <malloc.h>

#include "hexcore/device/own_memory.hpp"
#include "hexcore/plan/parking_limits.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "hexcore/runtime/free_now.hpp"
#include "hexcore/runtime/key_shift.hpp"
#include "hexcore/runtime/load_error.hpp"
#include "hexcore/runtime/model_file.hpp"
#include "hexcore/runtime/process_limits.hpp"

namespace hexcore {
namespace {

// libllama keeps its books (metadata, vocabulary, graphs) by malloc, and aborts where that fails.
// The dry run has just had the same memory and given it back to this process; this is on top.
constexpr Bytes bookkeeping = 32_MiB;
// Less is an ordinary heap's.
constexpr Bytes told_from = 4_MiB;

Error interrupted() {
    return {ErrorCode::interrupted, "interrupted while loading; nothing is left allocated"};
}

// What libllama has handed out is not read yet, so its progress says nothing.
bool keep_going(float, void* options) {
    const auto& load = *static_cast<const LoadOptions*>(options);
    return load.stop == nullptr || !load.stop->load();
}

}  // namespace

const char* to_string(LoadState state) {
    switch (state) {
        case LoadState::check:
            return "check";
        case LoadState::reserve:
            return "reserve";
        case LoadState::allocate:
            return "allocate";
        case LoadState::fill:
            return "fill";
        case LoadState::ready:
            return "ready";
    }
    HEXCORE_CHECK(false, "unknown state", static_cast<int>(state));
}

const char* doing(LoadState state) {
    switch (state) {
        case LoadState::check:
            return "looking at what is free";
        case LoadState::reserve:
            return "opening the file and reserving memory";
        case LoadState::allocate:
            return "allocating";
        case LoadState::fill:
            return "reading the weights";
        case LoadState::ready:
            return "handing the model over";
    }
    HEXCORE_CHECK(false, "unknown state", static_cast<int>(state));
}

LoadAttempt::LoadAttempt(Machine& machine, const Inventory& inventory, const Plan& plan,
                         const LoadOptions& options)
    : machine_(machine),
      inventory_(inventory),
      plan_(plan),
      options_(options),
      adapters_of_contexts_(options.context.adapter_sets()) {
    // An old refusal must not explain a new failure.
    (void)machine_.last_refusal();
    check_invariants();
}

Result<LoadAttempt::Loaded> LoadAttempt::run() {
    HEXCORE_CHECK(state_ == LoadState::check, to_string(state_), "only once");
    if (auto done = go_through(); !done) {
        Error error = std::move(done.error());
        if (error.code != ErrorCode::interrupted) {
            error.aftermath += fmt::format(
                ". The load failed while {}, and nothing is left allocated", doing(state_));
        }
        back_to_nothing();
        return tl::unexpected(std::move(error));
    }
    return Loaded{staging_,          std::move(overheads_), std::move(expert_caches_),
                  std::move(model_), std::move(adapters_),  std::move(contexts_)};
}

Result<void> LoadAttempt::go_through() {
    HEXCORE_TRY_VOID(check());
    HEXCORE_TRY_VOID(enter(LoadState::reserve));
    HEXCORE_TRY_VOID(reserve());
    HEXCORE_TRY_VOID(enter(LoadState::allocate));
    HEXCORE_TRY_VOID(allocate());
    HEXCORE_TRY_VOID(enter(LoadState::fill));
    HEXCORE_TRY_VOID(fill());
    return enter(LoadState::ready);
}

Result<void> LoadAttempt::enter(LoadState next) {
    HEXCORE_CHECK(static_cast<int>(next) == static_cast<int>(state_) + 1, to_string(state_),
                  to_string(next));
    if (stopped()) {
        return tl::unexpected(interrupted());
    }
    state_ = next;
    check_invariants();
    return {};
}

// What holds when a state is entered. `allocate` ends with everything taken and nothing read, which
// is what `fill` begins with.
void LoadAttempt::check_invariants() const {
    const bool holds_model = model_ != nullptr && !contexts_.empty();
    HEXCORE_CHECK(machine_.filler() == nullptr, to_string(state_), "has a filler");
    switch (state_) {
        case LoadState::check:
        case LoadState::reserve:
            HEXCORE_CHECK(!reader_, to_string(state_), "has a reader");
            [[fallthrough]];
        case LoadState::allocate:
            HEXCORE_CHECK(devices_are_empty(), to_string(state_), "something is on a device");
            HEXCORE_CHECK(!model_ && contexts_.empty() && adapters_.empty(), to_string(state_),
                          "has a model");
            break;
        case LoadState::fill:
            HEXCORE_CHECK(holds_model && reader_, to_string(state_), "something is missing");
            HEXCORE_CHECK(!turn_, to_string(state_), "has the turn still");
            HEXCORE_CHECK(reader_->bytes_read() == Bytes{}, to_string(state_), "was read");
            break;
        case LoadState::ready:
            HEXCORE_CHECK(holds_model && !reader_, to_string(state_), "is not complete");
            break;
    }
}

bool LoadAttempt::devices_are_empty() const {
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        if (machine_.device(DeviceId(i)).memory().accounted() != Usage{}) {
            return false;
        }
    }
    return true;
}

// libllama first reads metadata and vocabulary, on one core. Meanwhile the others commit what it
// will ask for: one buffer for each of these, where the model is an ordinary one.
void LoadAttempt::take_ahead() {
    if (address_space_is_limited()) {
        return;  // each further thread takes some 100 MiB of it, for its stack and heap
    }
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        if (machine_.specs()[i].kind != DeviceKind::host) {
            continue;
        }
        std::vector<Bytes> sizes;
        for (std::size_t home = 0; home < machine_.size(); ++home) {
            sizes.push_back(machine_.layout().arena(DeviceId(home), DeviceId(i)));
        }
        const Usage& wanted = wanted_.devices[i];
        sizes.insert(sizes.end(), {wanted.weights, wanted.kv, wanted.recurrent});
        if (machine_.all_host() && adapters_of_contexts_.size() == 1 &&
            adapters_of_contexts_.front().empty()) {
            sizes.push_back(wanted.compute);  // else it is several buffers, or not the first taken
        }
        std::erase(sizes, Bytes{});
        machine_.device(DeviceId(i)).memory().take_ahead(sizes);
    }
}

void LoadAttempt::drop_ahead() {
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        machine_.device(DeviceId(i)).memory().drop_ahead();
    }
}

Result<void> LoadAttempt::check() {
    if (stopped()) {
        return tl::unexpected(interrupted());
    }
    begin_clean();
    if (plan_.basis == Basis::dry_run) {
        wanted_.host = plan_.host;
        for (const PlannedDevice& device : plan_.devices) {
            wanted_.devices.push_back(device.planned);
        }
    } else {
        // Nobody tried this plan out yet.
        HEXCORE_TRY(usage,
                    make_dry_run(machine_, inventory_, options_.context, options_.stop)(plan_));
        wanted_ = std::move(usage);
    }
    wanted_.host.staging = reader_options().staging();
    HEXCORE_CHECK(wanted_.devices.size() == machine_.size(), wanted_.devices.size(),
                  machine_.size());
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        const Budget& budget = machine_.device(DeviceId(i)).memory().budget();
        const Bytes planned = wanted_.devices[i].total();
        if (planned > budget.limit()) {
            return fail(ErrorCode::does_not_fit,
                        {{Change::raise_budget, budget.device_name()},
                         {Change::lower_context},
                         {Change::add_device}},
                        "the plan takes {} ({} bytes) on {}, {} bytes more than its budget of {} "
                        "leaves",
                        to_string(planned), planned.count(), budget.device_name(),
                        (planned - budget.limit()).count(), to_string(budget.limit()));
        }
    }
    DryRunUsage still_to_take = wanted_;
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        still_to_take.devices[i].staging -= machine_.device(DeviceId(i)).overhead_taken();
    }
    HEXCORE_TRY_VOID(take_turn());
    const ParkingLimits parking = plan_.parking.value_or(ParkingLimits());
    HEXCORE_TRY_VOID(
        check_free_now({machine_.specs(), still_to_take, parking.memory}, options_.root));
    return options_.parking_space && parking.files > Bytes()
               ? check_parking_files(parking.files, options_.parking_space())
               : Result<void>();
}

// What this process has and doesn't use is the machine's again before anybody looks what is free.
void LoadAttempt::begin_clean() {
    const auto before = own_memory();
    give_back_more_than_a_load_takes();
    const auto now = own_memory();
    if (!machine_.own_memory_before_load()) {
        machine_.note_own_memory_before_load(now);
    }
    if (options_.tell && before && now && *before >= *now + told_from) {
        options_.tell(fmt::format("gave back {} that this process had and no longer used",
                                  to_string(*before - *now)));
    }
}

Result<void> LoadAttempt::take_turn() {
    HEXCORE_TRY(turn, LoadTurn::wait(
                          {.queue = options_.queue, .stop = options_.stop, .tell = options_.tell}));
    turn_.emplace(std::move(turn));
    return {};
}

Result<void> LoadAttempt::reserve() {
    if (address_space_is_limited()) {
        ::mallopt(M_ARENA_MAX, 1);  // a heap of its own would take each thread 64 MiB of that
    }
    HEXCORE_TRY(reader, ParallelReader::start(inventory_, reader_options()));
    reader_ = std::move(reader);
    staging_ = machine_.host().accounted().staging;
    HEXCORE_TRY_VOID(check_process_limits(demand()));
    HEXCORE_TRY_VOID(machine_.place_experts(plan_.placement, &inventory_));
    take_ahead();
    return {};
}

/// What is still to come when the readers have started.
ProcessDemand LoadAttempt::demand() const {
    ProcessDemand demand;
    // The embedding stays in libllama's mapping of the file.
    demand.written =
        wanted_.host.total() - wanted_.host.weights - wanted_.host.staging + bookkeeping;
    demand.written += plan_.parking.value_or(ParkingLimits()).memory;
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        if (machine_.specs()[i].kind == DeviceKind::host) {
            demand.written += wanted_.devices[i].total();
        }
    }
    demand.mapped = demand.written;
    for (const FileStamp& file : inventory_.stamps) {
        demand.mapped += Bytes(file.size_bytes);
    }
    demand.openmp_threads =
        context_parameters(plan_.context, options_.context).n_threads - 1;  // one is there
    return demand;
}

ReaderOptions LoadAttempt::reader_options() const {
    ReaderOptions options = ReaderOptions::to(machine_.specs());
    options.check_values = options_.verify_data;
    options.books = &machine_.host();
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        if (ggml_backend_buffer_type_t pinned = machine_.device(DeviceId(i)).pinned_type()) {
            options.staging_type = pinned;
        }
    }
    return options;
}

tl::unexpected<Error> LoadAttempt::failed(std::string_view what) {
    return tl::unexpected(stopped() ? interrupted() : load_error(machine_, log_, inventory_, what));
}

Result<void> LoadAttempt::allocate() {
    HEXCORE_TRY(overheads, machine_.take_overheads());
    overheads_ = std::move(overheads);
    HEXCORE_TRY(caches, machine_.take_expert_caches(plan_.devices));
    expert_caches_ = std::move(caches);
    HEXCORE_TRY_VOID(load_model());
    if (stopped()) {
        return tl::unexpected(interrupted());
    }
    HEXCORE_TRY_VOID(take_adapters());
    for (const std::vector<ChosenAdapter>& adapters : adapters_of_contexts_) {
        if (stopped()) {
            return tl::unexpected(interrupted());
        }
        HEXCORE_TRY_VOID(make_context(adapters));
    }
    drop_ahead();
    turn_.reset();
    return {};
}

Result<void> LoadAttempt::load_model() {
    const LoadParameters parameters(machine_, plan_);
    llama_model_params model_parameters = parameters.model();
    // In this mode libllama hands out each tensor by a pointer into its mapping, without reading.
    model_parameters.load_mode = LLAMA_LOAD_MODE_MMAP;
    model_parameters.progress_callback = keep_going;
    model_parameters.progress_callback_user_data = const_cast<LoadOptions*>(&options_);
    machine_.set_filler(reader_.get());
    auto model = load_model_file(inventory_, model_parameters);
    machine_.set_filler(nullptr);
    if (!model) {
        return tl::unexpected(std::move(model.error()));
    }
    model_ = std::move(*model);
    if (!model_) {
        return failed("cannot load the file");
    }
    return {};
}

// Before the context, so that a graph that is reserved with them has all it refers to.
Result<void> LoadAttempt::take_adapters() {
    HEXCORE_TRY(taken, adapters_.allocate(*model_, adapters_of_contexts_));
    return taken ? Result<void>() : failed("cannot take the adapters");
}

Result<void> LoadAttempt::make_context(std::span<const ChosenAdapter> adapters) {
    contexts_.push_back(new_context(*model_, plan_.context, options_.context));
    llama_context* context = contexts_.back().get();
    if (context == nullptr || !adapters_.apply_to(*context, adapters)) {
        return failed("cannot make that context");
    }
    if (!reserve_planned_shift(*context, options_.context, inventory_, plan_.context.kv_type)) {
        return failed("cannot take what moves the keys of that context");
    }
    // What a backend of ours takes besides is not libllama's business: it knows of no refusal.
    if (auto refusal = machine_.last_refusal()) {
        return tl::unexpected(std::move(*refusal));
    }
    return {};
}

Result<void> LoadAttempt::fill() {
    HEXCORE_TRY_VOID(reader_->finish([this](ReadProgress progress) {
        return !stopped() && (!options_.progress || options_.progress(progress));
    }));
    reader_.reset();
    return adapters_.fill(options_.stop);
}

void LoadAttempt::back_to_nothing() noexcept {
    if (state_ == LoadState::ready) {
        return;
    }
    reader_.reset();  // before the memory goes that it writes to
    machine_.set_filler(nullptr);
    contexts_.clear();
    adapters_ = {};
    model_.reset();
    expert_caches_.clear();
    overheads_.clear();
    drop_ahead();
    const auto check_empty = [](const Budget& budget) {
        HEXCORE_CHECK(budget.used() == Bytes{}, budget.device_name(), budget.used().count());
    };
    for (std::size_t i = 0; i < machine_.size(); ++i) {
        check_empty(machine_.device(DeviceId(i)).memory().budget());
    }
    check_empty(machine_.host().budget());
    give_back_free_pages();  // what libllama freed is the machine's again, not only this process's
    turn_.reset();
}

}  // namespace hexcore
