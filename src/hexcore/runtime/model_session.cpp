#include "hexcore/runtime/model_session.hpp"

#include <cerrno>
#include <cstring>

#include "hexcore/runtime/memory_breakdown.hpp"
#include "hexcore/runtime/parallel_reader.hpp"

namespace hexcore {
namespace {

// Two read a warm page cache at the speed of memory; more help where a disk has queues.
constexpr int reader_threads = 4;

Error load_error(Machine& machine, LlamaLog& log, const Inventory& inventory,
                 std::string_view what) {
    if (auto refusal = machine.last_refusal()) {
        return std::move(*refusal);
    }
    const std::string errors = log.take_errors();
    // libllama maps the file, and reports that as text only.
    if (errors.find(std::strerror(ENOMEM)) != std::string::npos) {
        return {ErrorCode::does_not_fit,
                fmt::format("{}: libllama {}: {}; raise the limit that is in the way (ulimit -v, "
                            "vm.max_map_count)",
                            inventory.files.front().string(), what, errors)};
    }
    return {ErrorCode::bad_input,
            fmt::format("{}: libllama {}: {}", inventory.files.front().string(), what,
                        errors.empty() ? "it did not say why" : errors)};
}

// What libllama has handed out is not read yet, so its progress says nothing.
bool keep_going(float, void* options) {
    const auto& load = *static_cast<const LoadOptions*>(options);
    return load.stop == nullptr || !load.stop->load();
}

bool is_stopped(void* stop) { return static_cast<const std::atomic<bool>*>(stop)->load(); }

Result<DryRunUsage> dry_run(const std::vector<DeviceSpec>& specs, const Inventory& inventory,
                            const Plan& plan, const ContextOptions& options) {
    LlamaLog log;
    HEXCORE_TRY(simulated, Machine::create(specs, Commitment::simulated));
    Machine& machine = *simulated;
    machine.set_layout(ExpertLayout(inventory, plan.placement, machine.size()));
    const LoadParameters parameters(machine, plan);
    llama_model_params model_parameters = parameters.model();
    model_parameters.no_alloc = true;
    model_parameters.load_mode = LLAMA_LOAD_MODE_NONE;
    const llama_model_ptr model(
        llama_model_load_from_file(inventory.files.front().c_str(), model_parameters));
    if (!model) {
        return tl::unexpected(load_error(machine, log, inventory, "cannot use the file"));
    }
    const llama_context_params context_params = context_parameters(plan.context, options);
    const llama_context_ptr context(llama_init_from_model(model.get(), context_params));
    if (!context || !reserve_compute(*context, context_params.n_outputs_max)) {
        return tl::unexpected(load_error(machine, log, inventory, "cannot make that context"));
    }
    DryRunUsage usage = memory_breakdown(machine, *context);
    for (std::size_t i = 0; i < machine.size(); ++i) {
        usage.devices[i].experts = machine.layout().on_device(DeviceId(i));
        usage.devices[i].compute = machine.device(DeviceId(i)).memory().accounted().compute;
    }
    return usage;
}

}  // namespace

DryRun make_dry_run(const Machine& machine, const Inventory& inventory, ContextOptions options) {
    return [&machine, &inventory, options](const Plan& plan) {
        return dry_run(machine.specs(), inventory, plan, options);
    };
}

Result<ModelSession> ModelSession::load(Machine& machine, const Inventory& inventory,
                                        const Plan& plan, const LoadOptions& options) {
    LlamaLog log;
    machine.set_layout(ExpertLayout(inventory, plan.placement, machine.size()));
    const LoadParameters parameters(machine, plan);
    llama_model_params model_parameters = parameters.model();
    model_parameters.load_mode = LLAMA_LOAD_MODE_MMAP;
    model_parameters.progress_callback = keep_going;
    model_parameters.progress_callback_user_data = const_cast<LoadOptions*>(&options);
    const auto stopped = [&options] { return options.stop != nullptr && options.stop->load(); };
    const auto failed = [&](std::string_view what) -> Error {
        if (stopped()) {
            return {ErrorCode::interrupted, "interrupted while loading; nothing is left allocated"};
        }
        return load_error(machine, log, inventory, what);
    };

    HEXCORE_TRY(reader, ParallelReader::start(inventory, reader_threads));
    machine.set_filler(reader.get());
    llama_model_ptr model(
        llama_model_load_from_file(inventory.files.front().c_str(), model_parameters));
    machine.set_filler(nullptr);
    if (!model) {
        return tl::unexpected(failed("cannot load the file"));
    }
    const auto filled = reader->finish([&](Bytes done) {
        const double part = done.as_double() / plan.total_bytes.as_double();
        return !stopped() && (!options.progress || options.progress(part));
    });
    reader.reset();  // before the model goes, whose memory it writes to
    if (!filled) {
        return tl::unexpected(filled.error());
    }
    llama_context_params context_params = context_parameters(plan.context, options.context);
    if (options.stop != nullptr) {
        context_params.abort_callback = is_stopped;
        context_params.abort_callback_data = const_cast<std::atomic<bool>*>(options.stop);
    }
    llama_context_ptr context(llama_init_from_model(model.get(), context_params));
    if (!context) {
        Error error = failed("cannot make that context");
        return tl::unexpected(std::move(error));
    }
    return ModelSession(machine, std::move(model), std::move(context));
}

Usage ModelSession::host_usage() const { return memory_breakdown(*machine_, *context_).host; }

}  // namespace hexcore
