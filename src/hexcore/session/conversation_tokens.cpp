// How an answer comes to its tokens, and what becomes of them.
#include <algorithm>
#include <utility>

#include "hexcore/base/duration.hpp"
#include "hexcore/session/conversation.hpp"

namespace hexcore {

Result<bool> Conversation::take(std::span<const float> logits, const Tokenizer& tokenizer) {
    note_time();
    state_ = State::generating;
    HEXCORE_TRY(token, sampler_->choose(logits));
    return add(token, logits, tokenizer);
}

void Conversation::offer(const NextToken& next) {
    note_time();
    state_ = State::offered;
    logits_.assign(next.logits.begin(), next.logits.end());
    state_of_next_.assign(next.state.begin(), next.state.end());
}

Result<Conversation::Taken> Conversation::take_offered(Token token, const Tokenizer& tokenizer) {
    HEXCORE_CHECK(state_ == State::offered, static_cast<int>(state_), "has no token to choose");
    HEXCORE_CHECK(token >= 0 && static_cast<std::size_t>(token) < logits_.size(), token,
                  "is none of the model's tokens");
    state_ = State::generating;
    HEXCORE_TRY_VOID(sampler_->accept(token));
    return Taken{token, add(token, logits_, tokenizer)};
}

Result<Conversation::Taken> Conversation::take_from(std::span<const float> logits,
                                                    const Tokenizer& tokenizer) {
    HEXCORE_CHECK(state_ == State::offered, static_cast<int>(state_), "has no token to choose");
    HEXCORE_CHECK(logits.size() == logits_.size(), logits.size(), logits_.size());
    state_ = State::generating;
    HEXCORE_TRY(token, sampler_->choose(logits));
    return Taken{token, add(token, logits, tokenizer)};
}

/// What it did until now took so long.
void Conversation::note_time() {
    (state_ == State::prompt ? answer_.prompt_seconds : answer_.decode_seconds) += lap();
}

/// Seconds since it was last asked.
double Conversation::lap() {
    const Clock::time_point now = Clock::now();
    return in_seconds(now - std::exchange(since_, now));
}

/// The token is the answer's next one. Whether it ends the answer.
bool Conversation::add(Token token, std::span<const float> logits, const Tokenizer& tokenizer) {
    if (tokenizer.ends_answer(token)) {
        answer_.stop = StopReason::eos;
        return true;
    }
    tokens_.push_back(token);
    ++answer_.generated_tokens;
    const bool shown =
        std::ranges::find(request_.shown_tokens, token) != request_.shown_tokens.end();
    const auto special = shown ? SpecialTokens::names : SpecialTokens::nothing;
    GeneratedToken generated{token, tokenizer.piece(token, special), {}};
    if (request_.chances) {
        generated.chances = chances(logits, token, *request_.chances);
    }
    const std::string text = stream_->take(generated.bytes);
    unshown_.push_back(std::move(generated));
    show(text, false);
    if (stream_->stopped()) {
        answer_.stop = StopReason::stop_text;
        return true;
    }
    answer_.stop = StopReason::length;
    return request_.max_tokens != 0 && answer_.generated_tokens == request_.max_tokens;
}

void Conversation::show(const std::string& text, bool at_end) {
    if (text.empty() && (!at_end || unshown_.empty())) {
        return;
    }
    answer_.text += text;
    if (request_.on_piece) {
        request_.on_piece({text, unshown_});
    }
    if (request_.chances) {
        answer_.tokens.insert(answer_.tokens.end(), std::make_move_iterator(unshown_.begin()),
                              std::make_move_iterator(unshown_.end()));
    }
    unshown_.clear();
}

}  // namespace hexcore
