#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
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
/// AdapterContexts). The base model's stays. For one thread at a time.
class AssistantEngines {
public:
    using AdapterSet = AdapterContexts::Set;

    /// `model`: with its first context, the base model's; must outlive it.
    AssistantEngines(LoadedModel& model, AssistantEnginesOptions options);

    /// Without adapters it is the base model's, which may have some for all that is computed.
    /// Valid until another is asked for, unless a session of it is asked before. Fails as
    /// AdapterContexts::engine_for().
    [[nodiscard]] Result<Engine*> engine_for(const AdapterSet& adapters);
    /// See SessionPool::for_prompt(). The engine is one of these.
    [[nodiscard]] Session* session_for(Engine& engine, const Request& request);
    [[nodiscard]] std::vector<Engine*> engines() const;

    /// Whether sessions with these adapters, one for each, can answer at the same time.
    [[nodiscard]] bool fit_together(std::span<const AdapterSet> sets) const;
    /// Calls `then` when engine_for() has an engine for each of these, as long as a session of it
    /// is asked before the next: maybe at once, else before a turn, when those whose place is
    /// wanted have answered. Who waits for places is called in the order of coming. Not any more
    /// once what is returned has gone.
    [[nodiscard]] std::shared_ptr<void> when_there(std::vector<AdapterSet> sets,
                                                   std::function<void()> then);
    /// Calls who waits and need not any more. Whoever takes turns does so before each.
    void let_in();
    /// A turn of each. False: nobody has a question.
    bool turn(const std::atomic<bool>* stop = nullptr);

    /// What questions are given. `adapters`: [expert].
    [[nodiscard]] AssistantHost host(Assistant& assistant, const ChatTemplate& chat_template,
                                     std::vector<AdapterSet> adapters);

private:
    struct Waiting {
        std::vector<AdapterSet> sets;
        std::weak_ptr<std::function<void()>> then;  ///< gone: nobody waits any more
    };
    [[nodiscard]] const AdapterSet& meant(const AdapterSet& adapters) const {
        return adapters.empty() ? base_ : adapters;
    }
    [[nodiscard]] bool close_idle(Engine& engine);

    AssistantEnginesOptions options_;
    AdapterSet base_;
    std::uint32_t sequences_;  ///< of each context
    AdapterContexts contexts_;
    std::deque<Waiting> waiting_;
    std::map<Engine*, SessionPool> pools_;  ///< gone before the engines
};

}  // namespace hexcore
