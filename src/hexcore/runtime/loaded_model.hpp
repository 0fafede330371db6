#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/runtime/load_options.hpp"

struct llama_context;
struct llama_model;
struct llama_vocab;

namespace hexcore {

struct ChosenAdapter;
class LongStretches;
class Machine;
struct Inventory;

/// A model loaded as planned, with one context for each set of adapters. Unloads itself: the
/// devices are empty afterwards. So they are after reset() and before the machine's next load,
/// which unload it while this lives on, unless it is in use (LoadedModel::Use). Nothing but
/// is_loaded() may be called then, and what was made of it without a Use (tokenizers, samplers) is
/// worth nothing.
class LoadedModel {
public:
    /// One attempt, see LoadAttempt. It fits, or nothing is left allocated on any device:
    /// does_not_fit (a budget or the machine refused), bad_input (libllama cannot use the file, or
    /// the file changed), missing_device, interrupted. The machine and the inventory must outlive
    /// the model.
    [[nodiscard]] static Result<LoadedModel> load(Machine& machine, const Inventory& inventory,
                                                  const Plan& plan, const LoadOptions& options);
    LoadedModel(LoadedModel&& other) noexcept;
    LoadedModel& operator=(LoadedModel&& other) noexcept;
    ~LoadedModel();

    /// Somebody who needs it, by a name for people: "the sessions". The model must outlive it.
    class Use {
    public:
        Use(const LoadedModel& model, std::string_view name);
        Use(Use&&) noexcept;
        ~Use();

    private:
        struct User;
        std::unique_ptr<User> user_;
    };
    [[nodiscard]] bool is_loaded() const;

    /// How many contexts there are, and the same model with its context of that number; the one
    /// that was loaded has the first. The model goes with the last of them.
    [[nodiscard]] std::size_t n_contexts() const;
    [[nodiscard]] LoadedModel in_context(std::size_t number) const;
    /// Has this context apply these adapters in place of what it applied, which gives its memory
    /// back first where no other context applies it; its cache is empty then. No engine may be over
    /// it. Fails with ErrorCode::does_not_fit where a budget or the machine refuses the adapters or
    /// the room for their products, and with bad_input where a file is damaged or is not what was
    /// read: the context applies none then.
    [[nodiscard]] Result<void> apply(const std::vector<ChosenAdapter>& adapters);
    [[nodiscard]] const std::vector<ChosenAdapter>& adapters() const;

    [[nodiscard]] llama_model& model() const;
    [[nodiscard]] llama_context& context() const;
    [[nodiscard]] const llama_vocab& vocab() const;
    /// With which its tokenizer is asked.
    [[nodiscard]] LongStretches& long_stretches() const;
    [[nodiscard]] Machine& machine() const;
    [[nodiscard]] const Inventory& inventory() const;
    [[nodiscard]] const Plan& plan() const;
    /// The adapters that the context applies to all it computes, as ChosenAdapter::key().
    [[nodiscard]] const std::vector<std::string>& adapter_keys() const;
    /// Whether its contexts were made to give states (ContextOptions::states).
    [[nodiscard]] bool gives_states() const;
    /// What was taken in host memory, outside the devices: by libllama, and for staging, which was
    /// given back when the load was complete.
    [[nodiscard]] Usage host_usage() const;

private:
    struct State;
    LoadedModel(std::shared_ptr<State> state, std::size_t context);
    /// Shared by those with other contexts of the same model.
    std::shared_ptr<State> state_;
    std::size_t context_ = 0;
};

}  // namespace hexcore
