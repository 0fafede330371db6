#pragma once

#include <memory>

#include "hexcore/runtime/load_attempt.hpp"

namespace hexcore {

/// A model loaded as planned, with one context. Unloads itself: the devices are empty afterwards.
class ModelSession {
public:
    /// One attempt, see LoadAttempt. It fits, or nothing is left allocated on any device:
    /// does_not_fit (a budget or the machine refused), bad_input (libllama cannot use the file, or
    /// the file changed), missing_device, interrupted.
    [[nodiscard]] static Result<ModelSession> load(Machine& machine, const Inventory& inventory,
                                                   const Plan& plan, const LoadOptions& options);

    [[nodiscard]] llama_model& model() { return *loaded_.model; }
    [[nodiscard]] llama_context& context() { return *loaded_.context; }
    [[nodiscard]] const llama_vocab& vocab() const {
        return *llama_model_get_vocab(loaded_.model.get());
    }
    [[nodiscard]] Machine& machine() { return *machine_; }
    /// What was taken in host memory, outside the devices: by libllama, and for staging, which was
    /// given back when the load was complete.
    [[nodiscard]] Usage host_usage() const;

private:
    ModelSession(Machine& machine, LoadAttempt::Loaded loaded)
        : machine_(&machine), loaded_(std::move(loaded)) {}

    std::unique_ptr<LlamaLog> log_ = std::make_unique<LlamaLog>();  // first: unloading logs too
    Machine* machine_;
    LoadAttempt::Loaded loaded_;
};

}  // namespace hexcore
