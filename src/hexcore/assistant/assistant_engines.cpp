#include "hexcore/assistant/assistant_engines.hpp"

#include <algorithm>
#include <utility>

namespace hexcore {

AssistantEngines::AssistantEngines(LoadedModel& model, AssistantEnginesOptions options)
    : options_(std::move(options)),
      base_(model.adapters()),
      contexts_(model, options_.engine,
                {.resident = options_.resident,
                 .vacate = [this](Engine& engine) { return close_idle(engine); }}) {}

bool AssistantEngines::close_idle(Engine& engine) {
    const auto pool = pools_.find(&engine);
    if (engine.n_sessions() != (pool == pools_.end() ? 0 : pool->second.size())) {
        return false;  // somebody else has one there, too, so the engine stays
    }
    pools_.erase(&engine);
    return true;
}

Result<Engine*> AssistantEngines::engine_for(const std::vector<ChosenAdapter>& adapters) {
    auto found = contexts_.engine_for(adapters.empty() ? base_ : adapters);
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

bool AssistantEngines::turn(const std::atomic<bool>* stop) {
    // Whoever ends meanwhile may ask others, for which engines come and go.
    for (Engine* engine : engines()) {
        if (std::ranges::count(engines(), engine) > 0) {
            (void)engine->turn(stop);
        }
    }
    // Looked at in the end: one that had its turn may have been asked in another's.
    return std::ranges::any_of(engines(), &Engine::has_questions);
}

AssistantHost AssistantEngines::host(Assistant& assistant, const ChatTemplate& chat_template,
                                     std::vector<std::vector<ChosenAdapter>> adapters,
                                     std::uint32_t experts_most) {
    return {.assistant = assistant,
            .chat_template = chat_template,
            .adapters = std::move(adapters),
            .engine_for = [this](const auto& chosen) { return engine_for(chosen); },
            .session_for = [this](Engine& engine,
                                  const Request& request) { return session_for(engine, request); },
            .experts_most = experts_most};
}

}  // namespace hexcore
