#include "hexcore/runtime/loaded_model.hpp"

#include <fmt/format.h>

#include "hexcore/runtime/context_memory.hpp"
#include "hexcore/runtime/load_attempt.hpp"
#include "hexcore/runtime/long_stretches.hpp"

namespace hexcore {

struct LoadedModel::State {
    LlamaLog log;  // first: unloading logs, too
    Machine& machine;
    const Inventory& inventory;
    Plan plan;
    LoadAttempt::Loaded loaded;
    ToldEntries host;  ///< what libllama takes in host memory
    LongStretches long_stretches = {};
    Machine::Holder holder{machine, "the model " + inventory.name, [this] { unload(); }};

    void unload() {
        loaded.context.reset();
        loaded.model.reset();
        loaded.overheads.clear();
        host.update({});
    }
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
    const Machine::User loading(machine, "a load of the model " + inventory.name);
    LoadAttempt attempt(machine, inventory, plan, options);
    HEXCORE_TRY(loaded, attempt.run());
    std::unique_ptr<State> state(new State{
        {}, machine, inventory, plan, std::move(loaded), ToldEntries(machine.host()), {}});
    state->enter_host_memory();
    // Whoever is told what is held learns now what libllama uses its buffers for.
    for (std::size_t i = 0; i < machine.size(); ++i) {
        (void)machine.device(DeviceId(i)).memory().accounted();
    }
    return LoadedModel(std::move(state));
}

struct LoadedModel::Use::User {
    Machine::User user;
};

LoadedModel::Use::Use(const LoadedModel& model, std::string_view name)
    : user_(new User{
          {model.machine(), fmt::format("{} of the model {}", name, model.inventory().name)}}) {
    HEXCORE_CHECK(model.is_loaded(), name, "a model that was unloaded");
}
LoadedModel::Use::Use(Use&&) noexcept = default;
LoadedModel::Use::~Use() = default;

bool LoadedModel::is_loaded() const { return state_->loaded.model != nullptr; }

llama_model& LoadedModel::model() const {
    HEXCORE_CHECK(is_loaded(), state_->inventory.name, "was unloaded");
    return *state_->loaded.model;
}

llama_context& LoadedModel::context() const {
    HEXCORE_CHECK(is_loaded(), state_->inventory.name, "was unloaded");
    return *state_->loaded.context;
}

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
