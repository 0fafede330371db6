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

#include "hexcore/assistant/combination.hpp"
#include "hexcore/assistant/degenerate_text.hpp"
#include "hexcore/chat/chat_template.hpp"
#include "hexcore/session/joint_answer.hpp"

namespace hexcore {

/// One expert's part in an answer.
struct ExpertPart {
    Request request = {};         ///< its prompt, limits and sampling
    ChatPrompt prompt = {};       ///< of which the request was made
    SessionFor session_for = {};  ///< one that computes with its adapters
    double weight = 1;            ///< its say before the first token, in a blend
};

/// The base model's part: it reads no expert's prompt.
struct BasePart {
    Request request = {};
    SessionFor session_for = {};
};

/// Whom attention is paid to.
struct AttendedCentres {
    std::vector<std::vector<float>> all = {};   ///< of all experts that the router knows
    std::vector<std::size_t> taking_part = {};  ///< [part]: its expert
    AttentionOptions options = {};
};

/// A part that gave no answer.
struct FailedPart {
    std::size_t part = 0;
    Error error;
};

/// What becomes of the answer of one or several experts.
struct ExpertsEnd {
    std::string text;        ///< as it is shown, thoughts left out
    Answer answer;           ///< how it ended, and its cache; its tokens are all parts' together
    std::size_t winner = 0;  ///< whose answer it is; of a joint one, who leads
    /// [part]: mean log-probability under the base model, where there was a choice.
    std::vector<std::optional<double>> scores = {};
    /// [part]: the mean of its weights over the tokens, of a joint answer; else none.
    std::vector<double> weights = {};
    std::vector<FailedPart> failed = {};  ///< while others gave one
    Degeneration wrong = Degeneration::none;
    double prompt_ms = 0;    ///< to the first token
    double generate_ms = 0;  ///< from it to the last
    double score_ms = 0;     ///< choosing from answers
};

/// Calls `then`, maybe at once, when those parts can have their sessions at the same time; not any
/// more once what is returned has gone.
using PartsAreThere = std::function<std::shared_ptr<void>(std::span<const std::size_t> parts,
                                                          std::function<void()> then)>;

/// How experts are asked together.
struct ExpertsQuestion {
    /// Where there is one part, all are the same. A merge has one: of who leads, in a session with
    /// the merged adapters.
    Combination how = Combination::choose;
    std::vector<ExpertPart> parts = {};  ///< who leads first
    /// Behind which answers are scored where there are several to choose from, and whose states
    /// attention goes by; there it must be one for which the model gives states.
    std::optional<BasePart> base = {};
    std::optional<AttendedCentres> centres = {};  ///< for Combination::attend
    /// Null: they always can. Each answer to choose from waits alone; a joint one, with the base's
    /// part, for all.
    PartsAreThere when_there = {};
    /// What is shown, as it comes; of several to choose from, the winner's, at once.
    std::function<void(std::string_view)> on_piece = {};
    /// Called once. Fails as Request::on_end says, and as JointAnswer.
    std::function<void(Result<ExpertsEnd>)> on_end = {};
};

/// The answer of the experts who were picked for a question (docs/experts.md). It takes no turns
/// itself: whoever has the engines does that until `on_end` has come. An answer that comes to
/// repeat itself is cut short. Whoever goes before that is told nothing any more, and what is under
/// way ends with the engines' next turn. On the engines' thread only.
class ExpertsAnswer {
public:
    /// Asks; `on_end` may come before this returns.
    explicit ExpertsAnswer(ExpertsQuestion question);
    ExpertsAnswer(ExpertsAnswer&&) noexcept = default;
    ExpertsAnswer& operator=(ExpertsAnswer&&) = delete;
    ~ExpertsAnswer();

    /// Ends it with the next turn, with what there is of it.
    void cancel();

private:
    class Work;
    std::shared_ptr<Work> work_;  ///< shared with what its sessions call when it has gone
};

}  // namespace hexcore
