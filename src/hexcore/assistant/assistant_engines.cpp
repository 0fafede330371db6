#include "hexcore/assistant/assistant_engines.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {

AssistantEngines::AssistantEngines(LoadedModel& model, AssistantEnginesOptions options)
    : options_(std::move(options)),
      base_(model.adapters()),
      sequences_(model.plan().context.sequences),
      contexts_(model, options_.engine,
                {.resident = options_.resident,
                 .first_stays = true,
                 .vacate = [this](Engine& engine) { return close_idle(engine); }}) {}

bool AssistantEngines::close_idle(Engine& engine) {
    const auto pool = pools_.find(&engine);
    if (engine.n_sessions() != (pool == pools_.end() ? 0 : pool->second.size())) {
        return false;  // somebody else has one there, too, so the engine stays
    }
    pools_.erase(&engine);
    return true;
}

Result<Engine*> AssistantEngines::engine_for(const AdapterSet& adapters) {
    auto found = contexts_.engine_for(meant(adapters));
    // Others may have left for it, or before it was refused.
    const std::vector<Engine*> there = contexts_.engines();
    std::erase_if(pools_, [&](const auto& entry) {
        return std::ranges::find(there, entry.first) == there.end();
    });
    HEXCORE_TRY(engine, std::move(found));
    pools_.try_emplace(engine, *engine, options_.sessions, options_.session);
    return engine;
}

Session* AssistantEngines::session_for(Engine& engine, const Request& request) {
    const auto pool = pools_.find(&engine);
    HEXCORE_CHECK(pool != pools_.end(), pools_.size(), "an engine of somebody else's");
    return pool->second.for_prompt(request);
}

std::vector<Engine*> AssistantEngines::engines() const { return contexts_.engines(); }

bool AssistantEngines::fit_together(std::span<const AdapterSet> sets) const {
    std::vector<AdapterSet> all;
    for (const AdapterSet& set : sets) {
        all.push_back(meant(set));
    }
    const auto fits_its_context = [&](const AdapterSet& set) {
        const auto alike = std::ranges::count_if(all, [&](const AdapterSet& other) {
            return std::ranges::equal(set, other, {}, &ChosenAdapter::key, &ChosenAdapter::key);
        });
        return static_cast<std::size_t>(alike) <= sequences_;
    };
    return std::ranges::all_of(all, fits_its_context) && contexts_.fit_together(all);
}

std::shared_ptr<void> AssistantEngines::when_there(std::vector<AdapterSet> sets,
                                                   std::function<void()> then) {
    for (AdapterSet& set : sets) {
        set = meant(set);
    }
    const bool is_base = std::ranges::all_of(sets, [&](const AdapterSet& set) {
        return std::ranges::equal(set, base_, {}, &ChosenAdapter::key, &ChosenAdapter::key);
    });
    if (is_base || (waiting_.empty() && contexts_.prepare(sets))) {
        then();
        return nullptr;
    }
    auto call = std::make_shared<std::function<void()>>(std::move(then));
    waiting_.push_back({std::move(sets), call});
    return call;
}

void AssistantEngines::let_in() {
    while (!waiting_.empty()) {
        const auto call = waiting_.front().then.lock();
        // Where nobody answers there is nothing to wait for, and it is told what is in the way.
        if (call && !contexts_.prepare(waiting_.front().sets) &&
            std::ranges::any_of(engines(), &Engine::has_questions)) {
            return;
        }
        waiting_.pop_front();
        if (call) {
            const auto then = std::move(*call);  // whose owner may give it up meanwhile
            then();
        }
    }
}

bool AssistantEngines::turn(const std::atomic<bool>* stop) {
    let_in();
    // Whoever ends meanwhile may ask others, for which engines come and go.
    for (Engine* engine : engines()) {
        if (std::ranges::count(engines(), engine) > 0) {
            (void)engine->turn(stop);
        }
    }
    let_in();
    // Looked at in the end: one that had its turn may have been asked in another's.
    return std::ranges::any_of(engines(), &Engine::has_questions);
}

AssistantHost AssistantEngines::host(Assistant& assistant, const ChatTemplate& chat_template,
                                     std::vector<AdapterSet> adapters) {
    return {
        .assistant = assistant,
        .chat_template = chat_template,
        .adapters = std::move(adapters),
        .engine_for = [this](const auto& chosen) { return engine_for(chosen); },
        .session_for = [this](Engine& engine,
                              const Request& request) { return session_for(engine, request); },
        .fit_together = [this](auto sets) { return fit_together(sets); },
        .when_there = [this](auto sets,
                             auto then) { return when_there(std::move(sets), std::move(then)); }};
}

}  // namespace hexcore
