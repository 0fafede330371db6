#include "hexcore/runtime/loaded_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "hexcore/runtime/context_memory.hpp"
#include "hexcore/runtime/load_attempt.hpp"
#include "hexcore/runtime/load_error.hpp"
#include "hexcore/runtime/long_stretches.hpp"

namespace hexcore {

namespace {

std::vector<std::string> keys_of(const std::vector<ChosenAdapter>& adapters) {
    std::vector<std::string> keys;
    std::ranges::transform(adapters, std::back_inserter(keys), &ChosenAdapter::key);
    return keys;
}

}  // namespace

struct LoadedModel::State {
    LlamaLog log;  // first: unloading logs, too
    Machine& machine;
    const Inventory& inventory;
    Plan plan;
    LoadAttempt::Loaded loaded;
    ToldEntries host;                                  ///< what libllama takes in host memory
    std::vector<std::vector<ChosenAdapter>> adapters;  ///< [context]
    bool gives_states = false;
    std::vector<std::vector<std::string>> adapter_keys = {};  ///< [context]
    LongStretches long_stretches = {};
    Machine::Holder holder{machine, "the model " + inventory.name, [this] { unload(); }};

    void unload() {
        loaded.contexts.clear();
        loaded.adapters = {};
        loaded.model.reset();
        loaded.expert_caches.clear();
        loaded.overheads.clear();
        host.update({});
    }
    /// The context's cache must be empty.
    Result<void> apply(llama_context& context, const std::vector<ChosenAdapter>& wanted) {
        LlamaLog errors;
        (void)machine.last_refusal();  // an old one does not explain this
        HEXCORE_TRY(taken, loaded.adapters.allocate(*loaded.model, {&wanted, 1}));
        if (!taken) {
            return tl::unexpected(
                load_error(machine, errors, inventory, "cannot take the adapters"));
        }
        HEXCORE_TRY_VOID(loaded.adapters.fill(nullptr));
        if (!loaded.adapters.apply_to(context, wanted)) {
            return tl::unexpected(
                load_error(machine, errors, inventory, "has no room to compute with the adapters"));
        }
        // What a backend of ours takes besides is not libllama's business: it knows of no refusal.
        auto refusal = machine.last_refusal();
        return refusal ? Result<void>(tl::unexpected(std::move(*refusal))) : Result<void>();
    }
    Usage enter_host_memory() {
        Usage usage = contexts_usage(machine, loaded.contexts).host;
        usage.adapters = loaded.adapters.host_bytes();
        host.update(usage);
        return machine.host().accounted();
    }
};

LoadedModel::LoadedModel(std::shared_ptr<State> state, std::size_t context)
    : state_(std::move(state)), context_(context) {}
LoadedModel::LoadedModel(LoadedModel&& other) noexcept = default;
LoadedModel& LoadedModel::operator=(LoadedModel&& other) noexcept = default;
LoadedModel::~LoadedModel() = default;

Result<LoadedModel> LoadedModel::load(Machine& machine, const Inventory& inventory,
                                      const Plan& plan, const LoadOptions& options) {
    const Machine::User loading(machine, "a load of the model " + inventory.name);
    LoadAttempt attempt(machine, inventory, plan, options);
    HEXCORE_TRY(loaded, attempt.run());
    const std::shared_ptr<State> state(new State{{},
                                                 machine,
                                                 inventory,
                                                 plan,
                                                 std::move(loaded),
                                                 ToldEntries(machine.host()),
                                                 options.context.adapter_sets(),
                                                 options.context.states});
    for (std::size_t i = 0; i < state->adapters.size(); ++i) {
        state->adapter_keys.push_back(keys_of(state->adapters[i]));
    }
    state->enter_host_memory();
    // Whoever is told what is held learns now what libllama uses its buffers for.
    for (std::size_t i = 0; i < machine.size(); ++i) {
        (void)machine.device(DeviceId(i)).memory().accounted();
    }
    return LoadedModel(state, 0);
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

std::size_t LoadedModel::n_contexts() const { return state_->adapter_keys.size(); }

LoadedModel LoadedModel::in_context(std::size_t number) const {
    HEXCORE_CHECK(number < n_contexts(), number, n_contexts());
    return {state_, number};
}

Result<void> LoadedModel::apply(const std::vector<ChosenAdapter>& adapters) {
    State& state = *state_;
    llama_context& in = context();
    llama_synchronize(&in);
    if (llama_memory_t memory = llama_get_memory(&in)) {
        llama_memory_clear(memory, true);
    }
    const auto change_to = [&](const std::vector<ChosenAdapter>& now) {
        state.adapters[context_] = now;
        state.adapter_keys[context_] = keys_of(now);
    };
    const auto leave_none = [&] {
        state.loaded.adapters.detach(in);
        change_to({});
        state.loaded.adapters.keep_only(state.adapters);
    };
    leave_none();
    auto applied = state.apply(in, adapters);
    if (applied) {
        change_to(adapters);
    } else {
        leave_none();
        (void)state.loaded.adapters.apply_to(in, {});  // or the next token is refused
    }
    state.enter_host_memory();
    return applied;
}

const std::vector<ChosenAdapter>& LoadedModel::adapters() const {
    return state_->adapters[context_];
}

llama_model& LoadedModel::model() const {
    HEXCORE_CHECK(is_loaded(), state_->inventory.name, "was unloaded");
    return *state_->loaded.model;
}

llama_context& LoadedModel::context() const {
    HEXCORE_CHECK(is_loaded(), state_->inventory.name, "was unloaded");
    return *state_->loaded.contexts[context_];
}

const llama_vocab& LoadedModel::vocab() const { return *llama_model_get_vocab(&model()); }

LongStretches& LoadedModel::long_stretches() const { return state_->long_stretches; }

Machine& LoadedModel::machine() const { return state_->machine; }

const Inventory& LoadedModel::inventory() const { return state_->inventory; }

const Plan& LoadedModel::plan() const { return state_->plan; }

bool LoadedModel::gives_states() const { return state_->gives_states; }

const std::vector<std::string>& LoadedModel::adapter_keys() const {
    return state_->adapter_keys[context_];
}

Usage LoadedModel::host_usage() const {
    Usage usage = state_->enter_host_memory();  // libllama may have taken more meanwhile
    usage.staging = state_->loaded.staging;
    return usage;
}

}  // namespace hexcore
