#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/report/run_report.hpp"

namespace hexcore {

/// One of those who answered.
struct AnsweringExpert {
    std::string name;
    double confidence = 0;  ///< what the router says of it for this question
    double weight = 1;      ///< of its say in the answer, where several have one; in sum 1
    /// What the base model makes of its answer, the mean log-probability of a token, where answers
    /// were chosen from.
    std::optional<double> score = {};
    bool chosen = true;  ///< where each gave an answer: it is this one's
};

/// Who may do better.
struct SuggestedFallback {
    std::string expert;
    double confidence = 0;
    std::string reason;
};

/// A passage of the user's files that came with the question.
struct AnswerSource {
    std::string id;
    std::string title;
    bool cited = false;  ///< the answer names it
};

/// Where the time went: consecutive, so that the parts are the whole.
struct AnswerTiming {
    double load_ms = 0;      ///< planning and loading, where it was for this question
    double learn_ms = 0;     ///< having the router learn, or reading what it learnt before
    double route_ms = 0;     ///< whose question it is
    double look_up_ms = 0;   ///< of knowledge, and putting prompts together
    double prompt_ms = 0;    ///< to the first token
    double generate_ms = 0;  ///< from it to the last
    double score_ms = 0;     ///< choosing from answers

    [[nodiscard]] double total_ms() const {
        return load_ms + learn_ms + route_ms + look_up_ms + prompt_ms + generate_ms + score_ms;
    }
};

/// What an assistant made of one question. Plain data.
struct AssistantAnswer {
    std::string assistant;
    std::string text;
    StopReason stop = StopReason::eos;
    bool repeats = false;       ///< it was cut short, since it said the same over and over
    bool refused = false;       ///< there is no answer, since one was wanted only from who is sure
    std::string named_by = {};  ///< what named the expert: "question", "choice"; empty: the router
    std::string combine = "choose";
    std::vector<AnsweringExpert> experts = {};  ///< who is surest first
    std::optional<SuggestedFallback> fallback = {};
    std::vector<AnswerSource> sources = {};
    std::vector<std::string> notes = {};  ///< sentences about what else there is to know
    std::uint32_t prompt_tokens = 0;
    std::uint32_t reused_tokens = 0;
    std::uint32_t generated_tokens = 0;
    AnswerTiming timing = {};
    CacheStats cache = {};
};

/// The same with what the memory did meanwhile.
struct AssistantReport {
    AssistantAnswer answer;
    RunReport run;
};

/// The keys of docs/formats/answer.md that are about the answer, without its text.
[[nodiscard]] nlohmann::ordered_json assistant_answer_json(const AssistantAnswer& answer);
/// The document of docs/formats/answer.md.
[[nodiscard]] nlohmann::ordered_json assistant_report_json(const AssistantReport& report);

}  // namespace hexcore
