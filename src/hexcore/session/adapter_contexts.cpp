#include "hexcore/session/adapter_contexts.hpp"

#include <algorithm>
#include <set>
#include <string_view>

namespace hexcore {
namespace {

/// One that several have counts once.
Bytes bytes_of(std::span<const std::vector<ChosenAdapter>* const> sets) {
    std::set<std::string_view> known;
    Bytes sum;
    for (const auto* set : sets) {
        for (const ChosenAdapter& one : *set) {
            if (known.insert(one.file.content).second) {
                sum += one.file.bytes();
            }
        }
    }
    return sum;
}

bool is_merged(const std::vector<ChosenAdapter>& adapters) {
    return std::ranges::any_of(adapters,
                               [](const ChosenAdapter& one) { return !one.file.parts.empty(); });
}

}  // namespace

AdapterContexts::AdapterContexts(LoadedModel& model, EngineOptions options, AdapterTurns turns)
    : options_(std::move(options)), turns_(std::move(turns)) {
    // The limits are of all that is parked.
    options_.parking.memory = Bytes(options_.parking.memory.count() / model.n_contexts());
    options_.parking.files = Bytes(options_.parking.files.count() / model.n_contexts());
    for (std::size_t i = 0; i < model.n_contexts(); ++i) {
        places_.emplace_back().model = std::make_unique<LoadedModel>(model.in_context(i));
    }
    if (turns_.resident.sets == 0) {
        turns_.resident.sets = std::max<std::size_t>(n_resident(), 1);
    }
    if (turns_.resident.bytes == Bytes()) {
        turns_.resident.bytes = resident_bytes();
    }
}

AdapterContexts::Slot* AdapterContexts::slot_with(const Set& adapters) {
    const auto found = std::ranges::find_if(places_, [&](const Slot& slot) {
        return std::ranges::equal(slot.model->adapter_keys(), adapters, {}, {},
                                  &ChosenAdapter::key);
    });
    return found == places_.end() ? nullptr : &*found;
}

bool AdapterContexts::may_leave(const Slot& slot) const {
    const Engine* engine = slot.engine.get();
    if (stays(slot)) {
        return false;
    }
    return engine == nullptr || (!engine->is_turning() && !engine->has_questions() &&
                                 (engine->n_sessions() == 0 || turns_.vacate));
}

/// False: its sessions stay.
bool AdapterContexts::leave(Slot& slot) {
    if (slot.engine != nullptr && slot.engine->n_sessions() > 0 && !turns_.vacate(*slot.engine)) {
        return false;
    }
    slot.engine.reset();
    return true;
}

AdapterContexts::Slot* AdapterContexts::oldest(const std::function<bool(const Slot&)>& is_meant) {
    Slot* oldest = nullptr;
    for (Slot& slot : places_) {
        if (may_leave(slot) && is_meant(slot) &&
            (oldest == nullptr || slot.last_used < oldest->last_used)) {
            oldest = &slot;
        }
    }
    return oldest;
}

// A merge takes another's place, whose room was planned for it, and experts' adapters each other's,
// as long as they can; not that of none at all, where one of them would have to leave besides.
AdapterContexts::Slot* AdapterContexts::place_for(const Set& adapters) {
    const bool merged = is_merged(adapters);
    const bool is_full = !adapters.empty() && n_resident() >= turns_.resident.sets;
    const auto fits = [&](const Slot& slot) {
        const Set& there = slot.model->adapters();
        return is_merged(there) == merged && !(is_full && there.empty());
    };
    std::set<const Slot*> stay;
    while (true) {
        Slot* place = oldest([&](const Slot& slot) { return !stay.contains(&slot) && fits(slot); });
        if (place == nullptr) {
            place = oldest([&](const Slot& slot) { return !stay.contains(&slot); });
        }
        if (place == nullptr || leave(*place)) {
            return place;
        }
        stay.insert(place);
    }
}

/// Another set leaves, and its place stays empty. False: none can.
bool AdapterContexts::drop_oldest_besides(const Slot& slot) {
    std::set<const Slot*> stay{&slot};
    while (Slot* other = oldest([&](const Slot& one) {
               return !stay.contains(&one) && !one.model->adapters().empty();
           })) {
        if (leave(*other) && other->model->apply({})) {
            return true;
        }
        stay.insert(other);
    }
    return false;
}

std::size_t AdapterContexts::n_resident_besides(const Slot* slot) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        places_, [&](const Slot& one) { return &one != slot && !one.model->adapters().empty(); }));
}

Bytes AdapterContexts::bytes_with(const Set& adapters, const Slot* besides) const {
    std::vector<const Set*> all{&adapters};
    for (const Slot& slot : places_) {
        if (&slot != besides) {
            all.push_back(&slot.model->adapters());
        }
    }
    return bytes_of(all);
}

bool AdapterContexts::keeps_limits(const Set& adapters, const Slot& slot) const {
    const auto& [sets, bytes] = turns_.resident;
    return adapters.empty() || (n_resident_besides(&slot) < sets &&
                                (bytes == Bytes() || bytes_with(adapters, &slot) <= bytes));
}

Result<void> AdapterContexts::apply(Slot& slot, const Set& adapters) {
    while (!keeps_limits(adapters, slot)) {
        if (!drop_oldest_besides(slot)) {
            return fail(ErrorCode::usage,
                        "the adapters that may be there at a time have sessions, so others cannot "
                        "come in; close sessions first");
        }
    }
    auto applied = slot.model->apply(adapters);
    while (!applied && applied.error().code == ErrorCode::does_not_fit &&
           drop_oldest_besides(slot)) {
        applied = slot.model->apply(adapters);
    }
    return applied;
}

bool AdapterContexts::fit_beside(std::span<const Set> sets,
                                 const std::function<bool(const Slot&)>& stay) const {
    std::vector<const Set*> all;
    const auto add = [&](const Set& set) {
        const auto is_same = [&](const Set* other) {
            return std::ranges::equal(*other, set, {}, &ChosenAdapter::key, &ChosenAdapter::key);
        };
        if (std::ranges::none_of(all, is_same)) {
            all.push_back(&set);
        }
    };
    std::ranges::for_each(sets, add);
    for (const Slot& slot : places_) {
        if (stay(slot)) {
            add(slot.model->adapters());
        }
    }
    const auto n_empty = std::ranges::count_if(all, &Set::empty);
    const auto& [most_sets, most_bytes] = turns_.resident;
    return all.size() <= places_.size() &&
           all.size() - static_cast<std::size_t>(n_empty) <= most_sets &&
           (most_bytes == Bytes() || bytes_of(all) <= most_bytes);
}

bool AdapterContexts::fit_together(std::span<const Set> sets) const {
    return fit_beside(sets, [this](const Slot& slot) { return stays(slot); });
}

bool AdapterContexts::prepare(std::span<const Set> sets) {
    if (!fit_beside(sets, [this](const Slot& slot) { return !may_leave(slot); })) {
        return false;
    }
    for (const Set& set : sets) {
        if (Slot* there = slot_with(set)) {
            there->last_used = ++now_;  // so that others leave
        }
    }
    return true;
}

Result<Engine*> AdapterContexts::engine_for(const Set& adapters) {
    Slot* slot = slot_with(adapters);
    if (slot == nullptr) {
        Bytes bytes;
        for (const ChosenAdapter& one : adapters) {
            bytes += one.file.bytes();
        }
        if (const Bytes most = turns_.resident.bytes; most > Bytes() && bytes > most) {
            return fail(ErrorCode::does_not_fit,
                        "adapters of {} are asked for, and those that are there at a time may take "
                        "{}",
                        to_string(bytes), to_string(most));
        }
        slot = place_for(adapters);
        if (slot == nullptr) {
            return fail(ErrorCode::usage,
                        "all {} contexts have sessions, so none can take other adapters; close "
                        "sessions first",
                        places_.size());
        }
        HEXCORE_TRY_VOID(apply(*slot, adapters));
        ++switches_;
    }
    if (slot->engine == nullptr) {
        slot->engine = std::make_unique<Engine>(*slot->model, options_);
    }
    slot->last_used = ++now_;
    return slot->engine.get();
}

std::vector<Engine*> AdapterContexts::engines() const {
    std::vector<Engine*> engines;
    for (const Slot& slot : places_) {
        if (slot.engine != nullptr) {
            engines.push_back(slot.engine.get());
        }
    }
    return engines;
}

}  // namespace hexcore
