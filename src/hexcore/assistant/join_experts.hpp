#pragma once

#include <span>

#include "hexcore/assistant/assistant.hpp"
#include "hexcore/assistant/experts_answer.hpp"
#include "hexcore/assistant/question_embedding.hpp"
#include "hexcore/chat/chat_template.hpp"

namespace hexcore {

/// The question that several experts answer.
struct JoinedQuestion {
    const Assistant& assistant;
    const ChatTemplate& chat_template;
    std::span<const PickedExpert> picked;  ///< [part]
    std::span<const float> embedding;      ///< empty: no router reads questions
    QuestionReading* reading;              ///< of that embedding
    const ExpertPrompt& prompt;
    const LoadedModel& model;
};

/// Gives several parts what they need besides, but for the base model's session: what is put to the
/// base model, and what experts are weighed by. Without an embedding, attention becomes a blend,
/// whose weights are the confidences. Fails as put_texts(). A gate
/// that is for states of another size is left out.
[[nodiscard]] Result<void> join_experts(ExpertsQuestion& asked, const JoinedQuestion& question);

}  // namespace hexcore
