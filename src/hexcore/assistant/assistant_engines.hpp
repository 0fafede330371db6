#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <memory>
#include <vector>

#include "hexcore/assistant/asked_question.hpp"
#include "hexcore/session/adapter_contexts.hpp"
#include "hexcore/session/session_pool.hpp"

namespace hexcore {

struct AssistantEnginesOptions {
    EngineOptions engine = {};
    SessionOptions session = {};
    std::size_t sessions = 64;  ///< kept for each engine; see SessionPool
    ResidentAdapters resident = {};
};

/// The engines of one loaded model with their sessions, as questions to an assistant need them: for
/// each set of adapters its own, as long as it is not one that takes turns with others (see
/// AdapterContexts). For one thread at a time.
class AssistantEngines {
public:
    /// `model`: with its first context, the base model's; must outlive it.
    AssistantEngines(LoadedModel& model, AssistantEnginesOptions options);

    /// Without adapters it is the base model's, which may have some for all that is computed.
    /// Valid until another is asked for, unless a session of it is asked before. Fails as
    /// AdapterContexts::engine_for().
    [[nodiscard]] Result<Engine*> engine_for(const std::vector<ChosenAdapter>& adapters);
    /// See SessionPool::for_prompt(). The engine is one of these.
    [[nodiscard]] Session* session_for(Engine& engine, const Request& request);
    [[nodiscard]] std::vector<Engine*> engines() const;
    /// A turn of each. False: nobody has a question.
    bool turn(const std::atomic<bool>* stop = nullptr);

    /// What questions are given. `adapters`: [expert].
    [[nodiscard]] AssistantHost host(Assistant& assistant, const ChatTemplate& chat_template,
                                     std::vector<std::vector<ChosenAdapter>> adapters,
                                     std::uint32_t experts_most);

private:
    [[nodiscard]] bool close_idle(Engine& engine);

    AssistantEnginesOptions options_;
    std::vector<ChosenAdapter> base_;
    AdapterContexts contexts_;
    std::map<Engine*, SessionPool> pools_;  ///< gone before the engines
};

}  // namespace hexcore
