#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/assistant/combination.hpp"
#include "hexcore/runtime/sampling.hpp"

namespace hexcore {

/// What an expert says of sampling; whatever it does not say stays as it is.
struct ExpertSampling {
    std::optional<float> temperature = {};
    std::optional<float> top_p = {};
    std::optional<float> min_p = {};
    std::optional<float> repeat_penalty = {};
    std::optional<std::int32_t> top_k = {};

    void apply(SamplingOptions& options) const;
};

/// A file of low-rank updates, and by what they are multiplied.
struct ExpertAdapter {
    std::filesystem::path file;
    float scale = 1;
};

/// One way of answering: a prompt, how tokens are chosen, and possibly an adapter.
struct ExpertDescription {
    std::string name;  ///< letters, digits, `_` and `-`
    std::string description;
    std::string system;
    std::vector<std::string> examples;  ///< questions that it is for
    std::vector<std::string> keywords;  ///< keyword_features.hpp
    ExpertSampling sampling = {};
    std::optional<ExpertAdapter> adapter = {};
};

/// A question, and which of the assistant's experts is for it.
struct LabelledQuestion {
    std::size_t expert = 0;
    std::string text;
};

/// A question that the base model is shown before the one that it reads, and a word for its kind.
struct ShownQuestion {
    std::string question;
    std::string kind;
};

/// How the base model reads a question for its embedding: a chat, at whose end it is about to say
/// of which kind that one is.
struct RouterDescription {
    std::string system = {};  ///< what it is told first; empty: nothing
    std::vector<ShownQuestion> shown = {};
    /// Each question's turn, with the question in place of `{question}`.
    std::string instruction = "{question}";
    /// Beside the experts' examples.
    std::vector<LabelledQuestion> questions = {};
};

struct RoutingThresholds {
    double confidence = 0.5;  ///< below it another expert is suggested
    double spread = 0.2;      ///< an expert with at least so much takes part, if several do
};

/// How several experts give one answer (docs/experts.md).
struct CombiningDescription {
    Combination method = Combination::choose;
    double blend_temperature = 0.1;
    double attend_temperature = 0.25;
    std::vector<float> gate = {};  ///< of its file (gate_file.hpp); empty: none
};

/// How much of the user's own files comes with a question.
struct KnowledgeLimits {
    std::uint32_t budget_tokens = 512;  ///< 0: no knowledge
    std::uint32_t cards = 3;            ///< of those that a question names
    std::uint32_t passages = 4;         ///< of those found by relevance
};

/// An assistant as its file has it (docs/formats/assistant-toml.md).
struct AssistantDescription {
    std::string name;  ///< small letters, digits and `-`
    std::string description;
    std::filesystem::path model = {};  ///< empty: the user's choice
    std::vector<ExpertDescription> experts = {};
    RouterDescription router = {};
    RoutingThresholds thresholds = {};
    CombiningDescription combining = {};
    KnowledgeLimits knowledge = {};
    std::uint32_t history_tokens = 1024;  ///< of a conversation, before its newest question

    /// Regardless of upper and lower case; nothing: there is none.
    [[nodiscard]] std::optional<std::size_t> find_expert(std::string_view expert_name) const;
    /// Of all experts, for people: "REASON, EXPLAIN".
    [[nodiscard]] std::string expert_names() const;
    /// The expert that a question begins with ("REASON: what ..."), which is then cut off.
    [[nodiscard]] std::optional<std::size_t> take_named_expert(std::string_view& question) const;
    /// The examples of all experts, then the router's questions.
    [[nodiscard]] std::vector<LabelledQuestion> labelled_questions() const;
};

}  // namespace hexcore
