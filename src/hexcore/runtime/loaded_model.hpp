#pragma once

#include <memory>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/runtime/load_options.hpp"

struct llama_context;
struct llama_model;
struct llama_vocab;

namespace hexcore {

class LongStretches;
class Machine;
struct Inventory;

/// A model loaded as planned, with one context. Unloads itself: the devices are empty afterwards.
/// So they are after reset() and before the machine's next load, which unload it while this lives
/// on, unless it is in use (LoadedModel::Use). Nothing but is_loaded() may be called then, and what
/// was made of it without a Use (tokenizers, samplers) is worth nothing.
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

    [[nodiscard]] llama_model& model() const;
    [[nodiscard]] llama_context& context() const;
    [[nodiscard]] const llama_vocab& vocab() const;
    /// With which its tokenizer is asked.
    [[nodiscard]] LongStretches& long_stretches() const;
    [[nodiscard]] Machine& machine() const;
    [[nodiscard]] const Inventory& inventory() const;
    [[nodiscard]] const Plan& plan() const;
    /// What was taken in host memory, outside the devices: by libllama, and for staging, which was
    /// given back when the load was complete.
    [[nodiscard]] Usage host_usage() const;

private:
    struct State;
    explicit LoadedModel(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace hexcore
