#include "hexcore/assistant/assistant_engines.hpp"

#include <utility>

namespace hexcore {

AssistantEngines::AssistantEngines(LoadedModel& model, AssistantEnginesOptions options)
    : options_(std::move(options)), contexts_(model, options_.engine) {}

Result<Engine*> AssistantEngines::engine_for(const std::vector<ChosenAdapter>& adapters) {
    HEXCORE_TRY(engine, contexts_.engine_for(adapters));
    pools_.try_emplace(engine, *engine, options_.sessions, options_.session);
    return engine;
}

Session* AssistantEngines::session_for(Engine& engine, const Request& request) {
    const auto pool = pools_.find(&engine);
    HEXCORE_CHECK(pool != pools_.end(), pools_.size(), "an engine of somebody else's");
    return pool->second.for_prompt(request);
}

std::vector<Engine*> AssistantEngines::engines() const {
    std::vector<Engine*> engines;
    for (const auto& [engine, pool] : pools_) {
        engines.push_back(engine);
    }
    return engines;
}

bool AssistantEngines::turn(const std::atomic<bool>* stop) {
    bool any = false;
    // Whoever ends meanwhile may ask others.
    for (Engine* engine : engines()) {
        any = engine->turn(stop) || any;
    }
    return any;
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
