#include "hexcore/session/adapter_contexts.hpp"

#include <algorithm>

namespace hexcore {

AdapterContexts::AdapterContexts(LoadedModel& model, EngineOptions options)
    : options_(std::move(options)) {
    // The limits are of all that is parked.
    options_.parking.memory = Bytes(options_.parking.memory.count() / model.n_contexts());
    options_.parking.files = Bytes(options_.parking.files.count() / model.n_contexts());
    for (std::size_t i = 0; i < model.n_contexts(); ++i) {
        places_.emplace_back().model = std::make_unique<LoadedModel>(model.in_context(i));
    }
}

AdapterContexts::Slot* AdapterContexts::slot_with(const std::vector<ChosenAdapter>& adapters) {
    const auto found = std::ranges::find_if(places_, [&](const Slot& slot) {
        return std::ranges::equal(slot.model->adapter_keys(), adapters, {}, {},
                                  &ChosenAdapter::key);
    });
    return found == places_.end() ? nullptr : &*found;
}

AdapterContexts::Slot* AdapterContexts::least_recently_used() {
    Slot* oldest = nullptr;
    for (Slot& slot : places_) {
        const bool is_idle = slot.engine == nullptr || slot.engine->n_sessions() == 0;
        if (is_idle && (oldest == nullptr || slot.last_used < oldest->last_used)) {
            oldest = &slot;
        }
    }
    return oldest;
}

Result<Engine*> AdapterContexts::engine_for(const std::vector<ChosenAdapter>& adapters) {
    Slot* slot = slot_with(adapters);
    if (slot == nullptr) {
        slot = least_recently_used();
        if (slot == nullptr) {
            return fail(ErrorCode::usage,
                        "all {} contexts have sessions, so none can take other adapters; close "
                        "sessions first",
                        places_.size());
        }
        slot->engine.reset();
        HEXCORE_TRY_VOID(slot->model->apply(adapters));
        ++switches_;
    }
    if (slot->engine == nullptr) {
        slot->engine = std::make_unique<Engine>(*slot->model, options_);
    }
    slot->last_used = ++now_;
    return slot->engine.get();
}

std::vector<Engine*> AdapterContexts::engines() const {
    std::vector<Engine*> all;
    for (const Slot& slot : places_) {
        if (slot.engine) {
            all.push_back(slot.engine.get());
        }
    }
    return all;
}

}  // namespace hexcore
