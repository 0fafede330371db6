#include "hexcore/runtime/loaded_model.hpp"

#include "hexcore/runtime/context_memory.hpp"
#include "hexcore/runtime/load_attempt.hpp"
#include "hexcore/runtime/long_stretches.hpp"

namespace hexcore {

struct LoadedModel::State {
    LlamaLog log;  // first: unloading logs, too
    std::unique_ptr<Machine::User> user;
    Machine& machine;
    const Inventory& inventory;
    Plan plan;
    LoadAttempt::Loaded loaded;
    ToldEntries host;  ///< what libllama takes in host memory
    LongStretches long_stretches = {};

    Usage enter_host_memory() {
        host.update(context_usage(machine, *loaded.context).host);
        return machine.host().accounted();
    }
};

LoadedModel::LoadedModel(std::unique_ptr<State> state) : state_(std::move(state)) {}
LoadedModel::LoadedModel(LoadedModel&& other) noexcept = default;
LoadedModel& LoadedModel::operator=(LoadedModel&& other) noexcept = default;
LoadedModel::~LoadedModel() = default;

Result<LoadedModel> LoadedModel::load(Machine& machine, const Inventory& inventory,
                                      const Plan& plan, const LoadOptions& options) {
    auto user = std::make_unique<Machine::User>(machine, "the model " + inventory.name);
    LoadAttempt attempt(machine, inventory, plan, options);
    HEXCORE_TRY(loaded, attempt.run());
    std::unique_ptr<State> state(new State{{},
                                           std::move(user),
                                           machine,
                                           inventory,
                                           plan,
                                           std::move(loaded),
                                           ToldEntries(machine.host()),
                                           {}});
    state->enter_host_memory();
    return LoadedModel(std::move(state));
}

llama_model& LoadedModel::model() const { return *state_->loaded.model; }

llama_context& LoadedModel::context() const { return *state_->loaded.context; }

const llama_vocab& LoadedModel::vocab() const { return *llama_model_get_vocab(&model()); }

LongStretches& LoadedModel::long_stretches() const { return state_->long_stretches; }

Machine& LoadedModel::machine() const { return state_->machine; }

const Inventory& LoadedModel::inventory() const { return state_->inventory; }

const Plan& LoadedModel::plan() const { return state_->plan; }

Usage LoadedModel::host_usage() const {
    Usage usage = state_->enter_host_memory();  // libllama may have taken more meanwhile
    usage.staging = state_->loaded.staging;
    return usage;
}

}  // namespace hexcore
