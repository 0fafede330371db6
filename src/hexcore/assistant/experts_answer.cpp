#include "hexcore/assistant/experts_answer.hpp"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>

#include "hexcore/assistant/answer_watch.hpp"
#include "hexcore/assistant/combined_experts.hpp"
#include "hexcore/base/duration.hpp"
#include "hexcore/session/text_score.hpp"

namespace hexcore {
/// Lives as long as a session may still call it.
class ExpertsAnswer::Work : public std::enable_shared_from_this<Work> {
public:
    explicit Work(ExpertsQuestion question) : question_(std::move(question)) {}

    void start() {
        HEXCORE_CHECK(!question_.parts.empty(), "an answer", "has no experts");
        const bool joint = question_.parts.size() > 1 && (question_.how == Combination::blend ||
                                                          question_.how == Combination::attend);
        for (const ExpertPart& part : question_.parts) {
            candidates_.push_back({AnswerWatch(part.prompt)});
            if (joint) {
                break;  // one answer of all
            }
        }
        left_ = candidates_.size();
        if (joint) {
            std::vector<std::size_t> all(question_.parts.size());
            std::iota(all.begin(), all.end(), std::size_t{0});
            ask_when_there(0, all, [this] { ask_together(); });
        } else {
            for (std::size_t i = 0; i < candidates_.size(); ++i) {
                ask_when_there(i, {&i, 1}, [this, i] { ask(i); });
            }
        }
    }
    void cancel() {
        cancelled_ = true;
        if (joint_) {
            joint_->cancel();
        }
        for (std::size_t i = 0; i < candidates_.size(); ++i) {
            Candidate& candidate = candidates_[i];
            if (candidate.session != nullptr) {
                candidate.session->cancel();
            } else if (candidate.waits) {
                Answer nothing;
                nothing.stop = StopReason::interrupted;
                take_end(i, std::move(nothing));
            }
        }
    }
    void abandon() {
        has_ended_ = true;
        question_.on_piece = {};
        question_.on_end = {};
        cancel();
    }

private:
    /// One answer under way, and what came of it.
    struct Candidate {
        AnswerWatch watch;
        std::shared_ptr<void> waits = {};  ///< until there is a session for it
        Session* session = nullptr;        ///< that answers, or scores, now
        std::vector<Token> tokens = {};
        std::optional<Result<Answer>> end = {};
        std::optional<double> score = {};
        bool repeats = false;

        [[nodiscard]] bool has_failed() const { return end && !*end; }
        [[nodiscard]] Degeneration wrong() const {
            if (has_failed() || ((*end)->stop == StopReason::interrupted && !repeats)) {
                return Degeneration::none;
            }
            return repeats ? Degeneration::repeats : watch.degeneration();
        }
    };

    void ask_when_there(std::size_t at, std::span<const std::size_t> parts,
                        const std::function<void()>& ask);
    void ask(std::size_t at);
    void ask_together();
    [[nodiscard]] Result<std::unique_ptr<TokenCombiner>> combiner();
    void take(std::size_t at, const AnswerPiece& piece);
    void take_end(std::size_t at, Result<Answer> answer);
    void show(std::string_view text) const {
        if (!text.empty() && question_.on_piece) {
            question_.on_piece(text);
        }
    }
    [[nodiscard]] bool streams() const { return candidates_.size() == 1; }
    void score();
    void take_score(std::size_t at, const Result<TextScore>& score);
    void choose();
    void end(std::size_t winner);
    void fail_all(Error error);

    ExpertsQuestion question_;
    std::vector<Candidate> candidates_;  ///< [part], or one of all
    std::unique_ptr<TokenCombiner> combiner_;
    std::optional<JointAnswer> joint_;
    std::size_t left_ = 0;  ///< of what is under way
    Laps laps_;
    std::optional<double> prompt_ms_;
    double generate_ms_ = 0;
    bool cancelled_ = false;
    bool has_ended_ = false;
};

/// `ask` is told of a candidate whose answer is of those parts.
void ExpertsAnswer::Work::ask_when_there(std::size_t at, std::span<const std::size_t> parts,
                                         const std::function<void()>& ask) {
    if (!question_.when_there) {
        ask();
        return;
    }
    // Whoever asked may have gone when it comes to that.
    const std::weak_ptr<Work> weak = weak_from_this();
    auto waits = question_.when_there(parts, [weak, at, ask] {
        if (const auto self = weak.lock()) {
            self->candidates_[at].waits = nullptr;
            ask();
        }
    });
    candidates_[at].waits = std::move(waits);
}

void ExpertsAnswer::Work::ask(std::size_t at) {
    Request request = std::move(question_.parts[at].request);
    const auto found = question_.parts[at].session_for(request);
    if (!found) {
        take_end(at, tl::unexpected(found.error()));
        return;
    }
    candidates_[at].session = *found;
    // What is under way may outlive who asked for it.
    request.on_piece = [self = shared_from_this(), at](const AnswerPiece& piece) {
        self->take(at, piece);
    };
    request.on_end = [self = shared_from_this(), at](Result<Answer> answer) {
        self->take_end(at, std::move(answer));
    };
    (*found)->ask(std::move(request));
}

void ExpertsAnswer::Work::ask_together() {
    auto made = combiner();
    if (!made) {
        fail_all(std::move(made.error()));
        return;
    }
    combiner_ = std::move(*made);
    std::vector<JointMember> members;
    for (ExpertPart& part : question_.parts) {
        members.push_back(
            {.request = std::move(part.request), .session_for = std::move(part.session_for)});
    }
    Request& leading = members.front().request;
    leading.on_piece = [self = shared_from_this()](const AnswerPiece& piece) {
        self->take(0, piece);
    };
    leading.on_end = [self = shared_from_this()](Result<Answer> answer) {
        self->take_end(0, std::move(answer));
    };
    if (question_.how == Combination::attend) {
        BasePart& base = *question_.base;
        base.request.wants_state = true;
        members.push_back(
            {.request = std::move(base.request), .session_for = std::move(base.session_for)});
    }
    joint_.emplace(std::move(members), *combiner_);
}

Result<std::unique_ptr<TokenCombiner>> ExpertsAnswer::Work::combiner() {
    if (question_.how == Combination::attend) {
        HEXCORE_CHECK(question_.base && question_.centres, "attention", "has nothing to go by");
        const AttendedCentres& centres = *question_.centres;
        return std::make_unique<AttendedExperts>(
            ExpertVectors(centres.all.begin(), centres.all.end()), centres.taking_part,
            centres.options);
    }
    std::vector<double> weights;
    for (const ExpertPart& part : question_.parts) {
        weights.push_back(part.weight);
    }
    HEXCORE_TRY(prior, BlendWeights::from(weights));
    return std::make_unique<BlendedExperts>(std::move(prior));
}

void ExpertsAnswer::Work::take(std::size_t at, const AnswerPiece& piece) {
    if (has_ended_) {
        return;
    }
    if (!prompt_ms_) {
        prompt_ms_ = laps_.ms();
    }
    Candidate& candidate = candidates_[at];
    // From here, since the session may be gone when its end is told.
    for (const GeneratedToken& token : piece.tokens) {
        candidate.tokens.push_back(token.token);
    }
    const std::string shown = candidate.watch.add(piece);
    if (streams()) {
        show(shown);
    }
    if (candidate.watch.has_come_to_repeat()) {
        candidate.repeats = true;
        if (joint_) {
            joint_->cancel();
        } else {
            candidate.session->cancel();
        }
    }
}

void ExpertsAnswer::Work::take_end(std::size_t at, Result<Answer> answer) {
    Candidate& candidate = candidates_[at];
    candidate.session = nullptr;
    candidate.waits = nullptr;
    candidate.end = std::move(answer);
    --left_;
    if (has_ended_) {
        return;
    }
    if (!candidate.has_failed()) {
        const std::string rest = candidate.watch.finish();
        if (streams()) {
            show(rest);
        }
    }
    if (left_ == 0) {
        (prompt_ms_ ? generate_ms_ : prompt_ms_.emplace()) = laps_.ms();
        score();
    }
}

/// All have answered: whose answer is it?
void ExpertsAnswer::Work::score() {
    std::vector<std::size_t> scored;
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        if (!candidates_[i].has_failed() && !candidates_[i].tokens.empty()) {
            scored.push_back(i);
        }
    }
    if (streams() || cancelled_ || !question_.base || scored.size() < 2) {
        choose();
        return;
    }
    left_ = scored.size();
    for (const std::size_t i : scored) {
        const auto found = question_.base->session_for(question_.base->request);
        const auto take = [self = shared_from_this(), i](const Result<TextScore>& score) {
            self->take_score(i, score);
        };
        if (!found) {
            take(tl::unexpected(found.error()));
            continue;
        }
        candidates_[i].session = *found;
        score_text(**found, {candidates_[i].tokens, question_.base->request}, take);
    }
}

void ExpertsAnswer::Work::take_score(std::size_t at, const Result<TextScore>& score) {
    candidates_[at].session = nullptr;
    if (score) {
        candidates_[at].score = score->mean_log_probability;
    }
    if (--left_ == 0 && !has_ended_) {
        choose();
    }
}

/// Who has an answer goes before who has none, then whose answer is in order, then the base model's
/// favourite, then who leads.
void ExpertsAnswer::Work::choose() {
    constexpr double unscored = -1e300;
    const auto rank = [&](std::size_t i) {
        const Candidate& candidate = candidates_[i];
        const bool failed = candidate.has_failed();
        return std::tuple(!failed, !failed && candidate.wrong() == Degeneration::none,
                          candidate.score.value_or(unscored));
    };
    std::size_t winner = 0;
    for (std::size_t i = 1; i < candidates_.size(); ++i) {
        if (rank(i) > rank(winner)) {
            winner = i;
        }
    }
    if (candidates_[winner].has_failed()) {
        fail_all(candidates_[winner].end->error());
        return;
    }
    end(winner);
}

void ExpertsAnswer::Work::end(std::size_t winner) {
    Candidate& best = candidates_[winner];
    ExpertsEnd end{.text = best.watch.text(),
                   .answer = **best.end,
                   .winner = winner,
                   .wrong = best.wrong(),
                   .prompt_ms = prompt_ms_.value_or(0),
                   .generate_ms = generate_ms_,
                   .score_ms = laps_.ms()};
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
        const Candidate& candidate = candidates_[i];
        end.scores.push_back(candidate.score);
        if (candidate.has_failed()) {
            end.failed.push_back({i, candidate.end->error()});
        } else if (i != winner) {
            end.answer.prompt_tokens += (*candidate.end)->prompt_tokens;
            end.answer.reused_tokens += (*candidate.end)->reused_tokens;
            end.answer.generated_tokens += (*candidate.end)->generated_tokens;
            end.answer.computed_tokens += (*candidate.end)->computed_tokens;
        }
    }
    if (const auto* mixed = dynamic_cast<const MixedExperts*>(combiner_.get())) {
        end.weights = mixed->mean_weights();
    }
    if (!streams()) {
        show(end.text);
    }
    has_ended_ = true;
    if (const auto on_end = std::exchange(question_.on_end, {})) {
        on_end(std::move(end));
    }
}

void ExpertsAnswer::Work::fail_all(Error error) {
    has_ended_ = true;
    if (const auto on_end = std::exchange(question_.on_end, {})) {
        on_end(tl::unexpected(std::move(error)));
    }
}

ExpertsAnswer::ExpertsAnswer(ExpertsQuestion question)
    : work_(std::make_shared<Work>(std::move(question))) {
    const auto work = work_;
    work->start();
}

ExpertsAnswer::~ExpertsAnswer() {
    if (work_) {
        work_->abandon();
    }
}

void ExpertsAnswer::cancel() {
    const auto work = work_;  // whoever is told of the end may give this up
    work->cancel();
}

}  // namespace hexcore
