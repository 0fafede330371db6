#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/assistant/assistant.hpp"
#include "hexcore/assistant/question_embedding.hpp"
#include "hexcore/chat/chat_template.hpp"
#include "hexcore/report/assistant_report.hpp"
#include "hexcore/session/engine.hpp"

namespace hexcore {

/// What questions to an assistant are answered with. Those who give it outlive the questions.
struct AssistantHost {
    Assistant& assistant;
    const ChatTemplate& chat_template;
    /// [expert]: its adapters, as engine_for() takes them.
    std::vector<std::vector<ChosenAdapter>> adapters;
    /// The engine that computes with these adapters; without any, the base model's.
    std::function<Result<Engine*>(const std::vector<ChosenAdapter>&)> engine_for;
    /// An idle session, which is asked at once; null: there is none left.
    std::function<Session*(Engine&, const Request&)> session_for;
    /// Whether sessions with these adapters, one for each, can answer at the same time. Null: they
    /// always can.
    std::function<bool(std::span<const std::vector<ChosenAdapter>>)> fit_together = {};
    /// See AssistantEngines::when_there(). Null: they always are.
    std::function<std::shared_ptr<void>(std::vector<std::vector<ChosenAdapter>>,
                                        std::function<void()>)>
        when_there = {};
    std::optional<QuestionReading> reading = {};  ///< made by the first question that is read
};

/// A question, and how it is to be answered.
struct AssistantQuestion {
    std::string text;                        ///< may begin with an expert's name and a colon
    std::vector<ChatMessage> history = {};   ///< of the conversation so far, oldest first
    std::string instructions = {};           ///< behind the expert's own
    std::optional<std::size_t> expert = {};  ///< who is to answer
    std::uint32_t experts = 0;               ///< see ExpertCount
    /// How several give one answer; nothing: as the assistant's file says.
    std::optional<Combination> combine = {};
    /// No answer rather than one that a fallback is suggested for.
    bool strict = false;
    /// Limits, stops, and what the expert says nothing of.
    std::uint32_t max_tokens = 0;
    std::vector<std::string> stops = {};
    SamplingOptions sampling = {};
    ExpertSampling over_expert = {};  ///< in place of what the expert says
    /// Parts of the answer as they come, thoughts left out. Where the question is strict: all of it
    /// at once, when it is known to be one.
    std::function<void(std::string_view)> on_piece = {};
    /// Called once. Fails as Request::on_end says, and with ErrorCode::negative where no expert can
    /// answer. An answer that was cancelled has StopReason::interrupted.
    std::function<void(Result<AssistantAnswer>)> on_end = {};
};

/// One question on its way through an assistant: whose it is, what is known for it, the answer, and
/// what is wrong with that. It never waits, and takes no turns itself: whoever has the engines does
/// that until `on_end` has come. On the engines' thread only. Whoever goes before that is answered
/// nothing any more, and what is under way ends with the engines' next turn.
class AskedQuestion {
public:
    AskedQuestion(AssistantHost& host, AssistantQuestion question);
    ~AskedQuestion();
    AskedQuestion(AskedQuestion&&) noexcept;
    AskedQuestion& operator=(AskedQuestion&&) = delete;

    /// Once; `on_end` may come before it returns.
    void start();
    /// Ends it with the next turn.
    void cancel();
    [[nodiscard]] bool has_ended() const;

private:
    class Course;
    /// Shared with what its sessions call when it has gone.
    std::shared_ptr<Course> course_;
};

}  // namespace hexcore
