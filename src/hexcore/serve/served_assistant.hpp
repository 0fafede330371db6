#pragma once

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "hexcore/assistant/assistant_engines.hpp"
#include "hexcore/serve/exchange.hpp"
#include "hexcore/serve/metrics.hpp"

namespace hexcore {

/// What a server's assistant is made of.
struct OfferedAssistant {
    Assistant assistant;
    std::vector<std::vector<ChosenAdapter>> adapters;  ///< [expert]
    /// Makes its router over the base model; asked once, where there are several experts.
    std::function<Result<Router>(const AssistantDescription&, Engine& base, const ChatTemplate&)>
        router;
};

/// An assistant over the engines of a served model: questions of clients on their way. On the
/// engines' thread, but for what says otherwise. Gone before the engines.
class ServedAssistant {
public:
    /// What is given by reference must outlive it.
    ServedAssistant(OfferedAssistant offered, AssistantEngines& engines,
                    const ChatTemplate& chat_template, Metrics& metrics);
    ServedAssistant(const ServedAssistant&) = delete;
    ServedAssistant& operator=(const ServedAssistant&) = delete;

    /// Safe to use from any thread: it never changes.
    [[nodiscard]] const AssistantDescription& description() const {
        return assistant_.description();
    }
    /// How its experts were when a question ended last. Safe to use from any thread.
    [[nodiscard]] std::vector<Metrics::Expert> experts();

    /// Asks; the exchange is told of the answer to come, and `on_end` called before its end.
    void ask(const std::shared_ptr<Exchange>& exchange, AssistantQuestion question,
             std::function<void()> on_end);
    /// Nobody waits for that answer: it ends with the engines' next turn.
    void cancel(const Exchange& exchange);

private:
    struct Asked {
        std::shared_ptr<Exchange> exchange;
        AskedQuestion question;
    };
    [[nodiscard]] Exchange::End end_of(Result<AssistantAnswer> answer);
    void look_at_breaker();

    Assistant assistant_;
    AssistantHost host_;
    Metrics& metrics_;
    std::list<Asked> asked_;  ///< also some that have ended
    std::mutex mutex_;
    ExpertBreaker seen_;  ///< under the mutex: the breaker as it was
};

}  // namespace hexcore
