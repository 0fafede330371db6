#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "hexcore/backend/machine.hpp"
#include "hexcore/device/load_turn.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "hexcore/runtime/context_adapters.hpp"
#include "hexcore/runtime/llama_log.hpp"
#include "hexcore/runtime/load_options.hpp"
#include "hexcore/runtime/load_parameters.hpp"
#include "hexcore/runtime/parallel_reader.hpp"
#include "hexcore/runtime/process_limits.hpp"
#include "llama-cpp.h"

namespace hexcore {

/// The steps of a load, in their order. Nothing is taken before `reserve`, and no byte of a tensor
/// is read before `fill`, when nothing is left to be refused.
enum class LoadState {
    check,     ///< free pages go back, the plan was tried out; the load's turn comes, and what it
               ///< takes is free then
    reserve,   ///< files, readers, address space; each device's planned blocks, committed meanwhile
    allocate,  ///< libllama takes all buffers: weights, experts, KV cache, compute; the turn ends
    fill,      ///< the readers bring every byte to its place
    ready,     ///< complete; what was loaded goes to the caller
};
[[nodiscard]] const char* to_string(LoadState state);
/// What a load does in a state, for errors: "reading the weights".
[[nodiscard]] const char* doing(LoadState state);

/// One attempt to load a model as planned. It goes through the states once. From each of them the
/// only other way is back to nothing: the reader stops, context and model go, and every device is
/// as empty as before. There is no second attempt and no smaller one.
class LoadAttempt {
public:
    /// Everything passed must outlive the attempt. The devices must be empty.
    LoadAttempt(Machine& machine, const Inventory& inventory, const Plan& plan,
                const LoadOptions& options);
    ~LoadAttempt() { back_to_nothing(); }
    LoadAttempt(const LoadAttempt&) = delete;
    LoadAttempt& operator=(const LoadAttempt&) = delete;

    struct Loaded {
        Bytes staging;  ///< host memory that the readers took, and gave back
        Machine::Overheads overheads;
        Machine::ExpertCaches expert_caches;
        llama_model_ptr model;
        ContextAdapters adapters;  ///< after the model, so that they go first
        /// One for each set of adapters; after both.
        std::vector<llama_context_ptr> contexts;
    };
    /// To be called once. Fails with does_not_fit (a budget or the machine refused), bad_input (the
    /// file is damaged, changed, or not one that libllama can use), missing_device or interrupted;
    /// the message ends with the state it failed in.
    [[nodiscard]] Result<Loaded> run();

private:
    [[nodiscard]] Result<void> check();
    [[nodiscard]] Result<void> take_turn();
    void begin_clean();
    [[nodiscard]] Result<void> reserve();
    [[nodiscard]] ProcessDemand demand() const;
    [[nodiscard]] ReaderOptions reader_options() const;
    void take_ahead();
    void drop_ahead();
    [[nodiscard]] Result<void> allocate();
    [[nodiscard]] Result<void> load_model();
    [[nodiscard]] Result<void> make_context(std::span<const ChosenAdapter> adapters);
    [[nodiscard]] Result<void> take_adapters();
    [[nodiscard]] Result<void> fill();

    [[nodiscard]] Result<void> go_through();
    /// Moves on to the next state, whose invariants must hold; not where the load was stopped.
    [[nodiscard]] Result<void> enter(LoadState next);
    void check_invariants() const;
    void back_to_nothing() noexcept;

    [[nodiscard]] bool stopped() const { return options_.stop != nullptr && options_.stop->load(); }
    [[nodiscard]] tl::unexpected<Error> failed(std::string_view what);
    [[nodiscard]] bool devices_are_empty() const;

    LlamaLog log_;  // first: unloading logs too
    Machine& machine_;
    const Inventory& inventory_;
    const Plan& plan_;
    const LoadOptions& options_;
    const std::vector<std::vector<ChosenAdapter>> adapters_of_contexts_;
    LoadState state_ = LoadState::check;
    DryRunUsage wanted_;
    std::optional<LoadTurn> turn_;
    Bytes staging_;
    Machine::Overheads overheads_;
    Machine::ExpertCaches expert_caches_;
    llama_model_ptr model_;
    ContextAdapters adapters_;
    std::vector<llama_context_ptr> contexts_;
    std::unique_ptr<ParallelReader> reader_;
};

}  // namespace hexcore
