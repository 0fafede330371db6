#include "hexcore/session/text_score.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace hexcore {
namespace {

struct Scoring {
    Session& session;
    std::vector<Token> tokens;
    std::function<void(Result<TextScore>)> on_end;
    double sum = 0;
    std::size_t scored = 0;
};

void score_next(Scoring& scoring, const NextToken& next) {
    const Token token = scoring.tokens[scoring.scored];
    scoring.sum += log_probability(next.logits, token);
    ++scoring.scored;
    if (scoring.scored == scoring.tokens.size()) {
        scoring.session.finish(StopReason::length);
    } else {
        scoring.session.take(token);
    }
}

Result<TextScore> score_of(const Scoring& scoring, const Result<Answer>& end) {
    if (!end) {
        return tl::unexpected(end.error());
    }
    if (scoring.scored == scoring.tokens.size()) {
        const auto tokens = static_cast<std::uint32_t>(scoring.scored);
        return TextScore{scoring.sum / tokens, tokens};
    }
    if (end->stop == StopReason::interrupted) {
        return fail(ErrorCode::interrupted, "scoring a text was interrupted");
    }
    return fail(ErrorCode::does_not_fit, {{Change::raise_context}},
                "the context is full after {} of {} tokens of a text to score", scoring.scored,
                scoring.tokens.size());
}

}  // namespace

void score_text(Session& session, ScoredText text, std::function<void(Result<TextScore>)> on_end) {
    const Tokenizer& tokenizer = session.engine().tokenizer();
    const auto refuse = [&](const char* why) {
        on_end(fail(ErrorCode::usage, "a text cannot be scored: {}", why));
    };
    if (text.tokens.empty()) {
        return refuse("it has no tokens");
    }
    const std::uint32_t n_vocab = tokenizer.vocabulary_size();
    if (std::ranges::any_of(text.tokens, [n_vocab](Token token) {
            return token < 0 || static_cast<std::uint32_t>(token) >= n_vocab;
        })) {
        return refuse("it has a token that is none of the model's");
    }
    if (std::any_of(text.tokens.begin(), text.tokens.end() - 1,
                    [&](Token token) { return tokenizer.ends_answer(token); })) {
        return refuse("a token within it ends answers");
    }
    // What the request calls needs it as long as the request is there.
    const auto scoring =
        std::make_shared<Scoring>(Scoring{session, std::move(text.tokens), std::move(on_end)});
    Request request = std::move(text.prompt);
    request.max_tokens = 0;
    request.stops = {};
    request.sampling = {};
    request.grammar = {};
    request.biases = {};
    request.chances = {};
    request.on_piece = {};
    request.on_next = [scoring](const NextToken& next) { score_next(*scoring, next); };
    request.on_end = [scoring](const Result<Answer>& end) {
        scoring->on_end(score_of(*scoring, end));
    };
    session.ask(std::move(request));
}

}  // namespace hexcore
