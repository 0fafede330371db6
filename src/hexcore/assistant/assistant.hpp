#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/assistant/expert_breaker.hpp"
#include "hexcore/assistant/keyword_features.hpp"
#include "hexcore/assistant/knowledge.hpp"
#include "hexcore/assistant/router.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_message.hpp"

namespace hexcore {

/// Whose a question may be.
struct QuestionRouting {
    std::vector<double> probabilities;      ///< of each expert, in sum 1
    std::optional<std::size_t> named = {};  ///< who is to answer, whatever these say
};

/// Another expert, which may do better.
struct ExpertFallback {
    std::size_t expert = 0;
    double confidence = 0;
    std::string reason;  ///< part of a sentence
};

struct PickedExpert {
    std::size_t expert = 0;
    double confidence = 0;
    double weight = 1;  ///< of all that were picked, in sum 1
};

/// Who answers.
struct PickedExperts {
    std::vector<PickedExpert> experts;  ///< the named one first, then the most likely
    std::optional<ExpertFallback> fallback = {};
    std::vector<std::string> notes = {};
};

/// How many are wanted.
struct ExpertCount {
    /// So many where nobody is likely enough alone, if no number is given.
    static constexpr std::uint32_t usually_most = 2;

    std::uint32_t wanted = 0;  ///< 0: one, or usually_most where nobody is likely enough alone
    /// Whether these can answer together; one alone always can. Null: all can.
    std::function<bool(std::span<const std::size_t> experts)> have_room = {};
};

/// What is put to an expert.
struct ExpertPrompt {
    std::string question;
    std::vector<ChatMessage> history = {};  ///< turns before it, oldest first
    std::vector<FoundPassage> knowledge = {};
    std::string instructions = {};  ///< behind the expert's own
};

/// An assistant without a model: who its experts are, what it knows, who may answer a question, and
/// how that is put to them. For one thread.
class Assistant {
public:
    /// Reads its file and opens what was imported for it. Fails as read_assistant(); knowledge that
    /// cannot be read is left out, as knowledge_problem() says.
    [[nodiscard]] static Result<Assistant> open(const std::filesystem::path& file);
    Assistant(AssistantDescription description, Knowledge knowledge);

    [[nodiscard]] const AssistantDescription& description() const { return description_; }
    [[nodiscard]] const std::string& expert_name(std::size_t expert) const {
        return description_.experts[expert].name;
    }
    /// Why it knows less than was imported; empty: it doesn't.
    [[nodiscard]] const std::string& knowledge_problem() const { return knowledge_problem_; }

    /// Whom it asks whose a question is.
    void set_router(Router router) { router_ = std::move(router); }
    [[nodiscard]] const std::optional<Router>& router() const { return router_; }
    /// `embedding`: empty where the router takes none. Without a router, by keywords alone: each
    /// expert has a share for every keyword of its own that the question has, and one besides.
    [[nodiscard]] QuestionRouting route(std::string_view question,
                                        std::vector<float> embedding) const;

    /// An expert cannot answer at all, for `reason`, part of a sentence.
    void exclude(std::size_t expert, std::string reason);
    /// An expert's answer failed; the third time in a while keeps it out for as long.
    void failed(std::size_t expert, ExpertBreaker::Time now) { breaker_.failed(expert, now); }
    [[nodiscard]] const ExpertBreaker& breaker() const { return breaker_; }
    /// Why an expert does not answer now, part of a sentence; empty: it does.
    [[nodiscard]] std::string why_out(std::size_t expert, ExpertBreaker::Time now) const;

    /// Who answers, of those that may: the most likely for whom there is room together. A fallback
    /// is who answers where somebody who was meant may not, or another one where those who answer
    /// are less likely together than the threshold. Fails with
    /// ErrorCode::negative where nobody may.
    [[nodiscard]] Result<PickedExperts> pick(const QuestionRouting& routing,
                                             const ExpertCount& count,
                                             ExpertBreaker::Time now) const;
    /// The most likely of those that may answer and are not among `picked`.
    [[nodiscard]] std::optional<ExpertFallback> next_best(const QuestionRouting& routing,
                                                          std::span<const PickedExpert> picked,
                                                          ExpertBreaker::Time now,
                                                          std::string reason) const;

    /// What it knows for a question, within the budget in tokens of its own. Fails as
    /// Knowledge::look_up().
    [[nodiscard]] Result<std::vector<FoundPassage>> look_up(std::string_view question,
                                                            const CountTokens& count) const;
    /// What an expert reads: its system prompt, the turns before, then knowledge and question.
    [[nodiscard]] std::vector<ChatMessage> messages_for(std::size_t expert,
                                                        const ExpertPrompt& prompt) const;
    /// The newest turns that have room in what the assistant gives a conversation. A turn begins
    /// with a question; `tokens_around`: of a message besides its text.
    [[nodiscard]] std::span<const ChatMessage> newest(std::span<const ChatMessage> history,
                                                      std::uint64_t tokens_around,
                                                      const CountTokens& count) const;

private:
    struct Taken {
        std::vector<std::size_t> experts = {};
        std::vector<std::string> out = {};           ///< why others do not answer
        bool is_somebody_out = false;                ///< who was meant
        std::optional<std::size_t> in_place = {};    ///< the first who was not meant
        std::vector<std::string> without_room = {};  ///< beside these
    };
    [[nodiscard]] Taken take(std::span<const std::size_t> order, std::uint32_t wanted,
                             const ExpertCount& count, ExpertBreaker::Time now) const;

    AssistantDescription description_;
    Knowledge knowledge_;
    std::string knowledge_problem_;
    KeywordFeatures keywords_;
    std::optional<Router> router_;
    std::vector<std::string> excluded_;  ///< [expert]: why; empty: it is not
    ExpertBreaker breaker_;
};

/// Whether an answer cites a passage: by its id in brackets, or all of it as words.
[[nodiscard]] bool cites(std::string_view answer, const std::string& id);

}  // namespace hexcore
