#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "hexcore/backend/machine.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "hexcore/runtime/llama_log.hpp"
#include "hexcore/runtime/load_parameters.hpp"
#include "llama-cpp.h"

namespace hexcore {

/// Tries plans out on devices like those of `machine`, simulated: libllama loads the file's
/// metadata and goes through every allocation, in some 50 ms, and nothing is taken. Everything
/// passed must outlive the result.
[[nodiscard]] DryRun make_dry_run(const Machine& machine, const Inventory& inventory,
                                  ContextOptions options);

struct LoadOptions {
    ContextOptions context;
    /// Called with the part of the weights that is loaded, 0 to 1; false stops the load.
    std::function<bool(double)> progress = {};
    /// Set from anywhere (a signal handler) to stop what is being computed. May be null.
    const std::atomic<bool>* stop = nullptr;
};

/// A model loaded as planned, with one context. Unloads itself: the devices are empty afterwards.
class ModelSession {
public:
    /// One attempt. It fits, or nothing is left allocated on any device: does_not_fit (a budget or
    /// the machine refused), bad_input (libllama cannot use the file), interrupted.
    [[nodiscard]] static Result<ModelSession> load(Machine& machine, const Inventory& inventory,
                                                   const Plan& plan, const LoadOptions& options);

    [[nodiscard]] llama_model& model() { return *model_; }
    [[nodiscard]] llama_context& context() { return *context_; }
    [[nodiscard]] const llama_vocab& vocab() const { return *llama_model_get_vocab(model_.get()); }
    [[nodiscard]] Machine& machine() { return *machine_; }
    /// What libllama took in host memory, outside the devices.
    [[nodiscard]] Usage host_usage() const;

private:
    ModelSession(Machine& machine, llama_model_ptr model, llama_context_ptr context)
        : machine_(&machine), model_(std::move(model)), context_(std::move(context)) {}

    std::unique_ptr<LlamaLog> log_ = std::make_unique<LlamaLog>();  // first: unloading logs too
    Machine* machine_;
    llama_model_ptr model_;
    llama_context_ptr context_;  // after the model, so that it goes first
};

}  // namespace hexcore
