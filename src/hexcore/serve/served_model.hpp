#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/chat/chat_template.hpp"
#include "hexcore/serve/api_error.hpp"
#include "hexcore/serve/exchange.hpp"
#include "hexcore/serve/metrics.hpp"
#include "hexcore/serve/named_talks.hpp"
#include "hexcore/serve/served_assistant.hpp"
#include "hexcore/session/engine_thread.hpp"
#include "hexcore/session/session_pool.hpp"

namespace hexcore {

struct ServedModelOptions {
    EngineOptions engine = {};
    SessionOptions session = {};
    /// Of an assistant's adapters that take turns; without a number: as many sets as there are
    /// contexts for.
    ResidentAdapters resident = {};
    std::size_t sessions = 64;       ///< kept, whether they answer or not; see SessionPool
    std::string chat_template = {};  ///< Jinja; empty: the model's own
    std::size_t queue = 64;  ///< answers that wait for a sequence, beyond those being computed
};

/// A loaded model with all that answers requests: its engines on their thread, sessions, its chat
/// template, and perhaps an assistant. Safe to use from any thread.
class ServedModel {
public:
    /// The model must outlive it, and stay where it is; the metrics must, too. Fails as
    /// ChatTemplate::of() and Engine::open() do, and as the assistant's router.
    [[nodiscard]] static Result<std::unique_ptr<ServedModel>> make(
        LoadedModel& model, const ServedModelOptions& options, Metrics& metrics,
        std::optional<OfferedAssistant> assistant = {});
    ~ServedModel();  ///< ends what is being answered
    ServedModel(const ServedModel&) = delete;
    ServedModel& operator=(const ServedModel&) = delete;

    /// 400 where there can never be so many answers at once.
    [[nodiscard]] Asked<void> check_count(std::size_t prompts, std::uint32_t choices) const;
    /// Asks for `choices` answers to each prompt, which are numbered in that order. A name: in the
    /// session of that name, one answer. 400 as check_count() says, 429 where that are more than
    /// the queue has room for, 503 once it ends.
    [[nodiscard]] Asked<std::shared_ptr<Exchange>> ask(std::vector<Request> prompts,
                                                       std::uint32_t choices,
                                                       std::string name = {});
    /// The same for a question to the assistant, which there is.
    [[nodiscard]] Asked<std::shared_ptr<Exchange>> ask(AssistantQuestion question);
    /// Nobody waits for these answers any more: they end before the next turn.
    void cancel(const std::shared_ptr<Exchange>& exchange);
    /// Ends at once what is being answered.
    void end_now() { thread_->stop(EngineThread::Ending::now); }

    [[nodiscard]] const LoadedModel& model() const { return model_; }
    /// Null: there is none.
    [[nodiscard]] const AssistantDescription* assistant() const {
        return assistant_ ? &assistant_->description() : nullptr;
    }
    [[nodiscard]] const ChatTemplate& chat_template() const { return template_; }
    [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }
    [[nodiscard]] NamedTalks& talks() { return talks_; }
    /// A prompt's tokens at its start that are those of its system messages and tools; 0: none.
    [[nodiscard]] std::uint32_t shared_tokens(const ChatRequest& chat,
                                              const std::vector<Token>& tokens) const;
    [[nodiscard]] std::string metrics_text();

private:
    ServedModel(LoadedModel& model, const ServedModelOptions& options, ChatTemplate chat_template,
                Metrics& metrics);
    [[nodiscard]] Result<void> start(std::optional<OfferedAssistant> assistant);
    /// The answers to one prompt among those of an exchange.
    struct Choices {
        std::shared_ptr<Exchange> exchange;
        std::uint32_t first = 0;
        std::uint32_t count = 1;
        std::string name = {};  ///< of their session; empty: none
    };
    void ask_choices(const Choices& choices, Request request);
    void ask_one(const Choices& choices, std::uint32_t index, Request request);
    void end_one(Exchange& exchange, std::uint32_t choice, Result<Answer> answer);
    [[nodiscard]] bool enter(std::size_t answers);
    /// Has the engines' thread do what gives so many answers. 429 where the queue has no room for
    /// them, 503 once it ends.
    [[nodiscard]] Asked<void> post(std::size_t answers, std::function<void()> work);

    LoadedModel& model_;
    ServedModelOptions options_;
    ChatTemplate template_;
    Metrics& metrics_;
    Tokenizer tokenizer_;
    NamedTalks talks_;
    std::size_t answers_most_;              ///< under way and waiting
    std::atomic<std::size_t> answers_ = 0;  ///< of these, now
    // Of the engines' thread.
    AssistantEngines engines_;
    Engine* base_ = nullptr;             ///< that answers without an assistant
    std::optional<Session> base_stays_;  ///< it is not taken for other adapters
    std::optional<SessionPool> pool_;    ///< of that engine
    std::optional<ServedAssistant> assistant_;
    std::optional<EngineThread> thread_;  ///< ends first
};

}  // namespace hexcore
