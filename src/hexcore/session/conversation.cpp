#include "hexcore/session/conversation.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

/// A request's prompt, whose tokens must be the model's.
Result<std::vector<Token>> prompt_of(Request& request, const Tokenizer& tokenizer,
                                     TextPlace place) {
    std::vector<Token> tokens = std::move(request.tokens);
    if (tokens.empty() || request.tokens_place.value_or(place) != place) {
        HEXCORE_TRY(of_text, tokenizer.tokenize(request.text, place));
        tokens = std::move(of_text);
    }
    const std::uint32_t n_vocab = tokenizer.vocabulary_size();
    const auto is_foreign = [n_vocab](Token token) {
        return token < 0 || static_cast<std::uint32_t>(token) >= n_vocab;
    };
    if (std::ranges::any_of(tokens, is_foreign)) {
        return fail(ErrorCode::usage, "the prompt has a token that is none of the model's {}",
                    n_vocab);
    }
    return tokens;
}

}  // namespace

std::uint32_t common_start(std::span<const Token> a, std::span<const Token> b) {
    return static_cast<std::uint32_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

Result<std::uint32_t> session_bound(const SessionOptions& options, const LoadedModel& model) {
    std::uint32_t most = session_tokens_of(model);
    if (options.most_tokens > 0) {
        most = std::min(most, options.most_tokens);
    }
    if (options.most_bytes > Bytes()) {
        const auto within =
            CacheCells(model.machine(), model.context()).tokens_within(options.most_bytes);
        if (!within) {
            return fail(ErrorCode::usage,
                        "what tokens of this model take of the cache is known when they are there; "
                        "bound the session by tokens");
        }
        if (*within == 0) {
            return fail(ErrorCode::usage,
                        "a session bound to {} bytes of the cache has room for no token",
                        options.most_bytes.count());
        }
        most = std::min(most, *within);
    }
    return most;
}

Request in_window(Request request, const SessionOptions& options, std::uint32_t most) {
    std::vector<Token>& tokens = request.tokens;
    if (options.on_full == OnFull::stop || tokens.size() <= most) {
        return request;
    }
    // As KvManager::slide() does it in a full session, so often that the rest fits.
    const std::size_t step = std::max(1U, (most - options.keep) / 2);
    const std::size_t out = (tokens.size() - most + step - 1) / step * step;
    const auto from = tokens.begin() + options.keep;
    tokens.erase(from, from + static_cast<std::ptrdiff_t>(out));
    if (request.shared_tokens > options.keep) {
        request.shared_tokens = 0;
    }
    return request;
}

Result<void> Conversation::ask(Request request, const LoadedModel& model, const KvManager& kv) {
    HEXCORE_CHECK(state_ == State::idle, static_cast<int>(state_), "is being asked already");
    const Tokenizer tokenizer(model);
    HEXCORE_TRY_VOID(tokenizer.check_continues_texts());
    const bool whole = request.kind == PromptKind::whole;
    const bool at_start = whole || tokens_.empty();
    HEXCORE_TRY(tokens,
                prompt_of(request, tokenizer, at_start ? TextPlace::start : TextPlace::within));
    const std::size_t held = whole ? 0 : tokens_.size();
    // The last token of an answer is not computed yet, and goes on by itself.
    const std::size_t computed = whole ? 0 : std::min<std::size_t>(held, position());
    if (tokens.empty() && held == 0) {
        return fail(ErrorCode::usage, {{Change::give_prompt}}, "the prompt is empty");
    }
    const std::uint32_t most = cells_.most;
    if (options_.on_full == OnFull::stop && held + tokens.size() > most) {
        const std::uint64_t enough = (held + tokens.size() + 1) * model.plan().context.sequences;
        std::vector<Remedy> remedies = {{.change = Change::raise_context, .count = enough}};
        if (most < kv.session_tokens()) {
            remedies.clear();  // the session's own bound is in the way
        }
        return fail(ErrorCode::usage, std::move(remedies),
                    "the prompt has {} and the context has room for {}",
                    plural(tokens.size(), "token"), most - std::min<std::size_t>(most, held));
    }
    HEXCORE_TRY(sampler, Sampler::make(model, request.sampling, request.grammar, request.biases));
    sampler_.emplace(std::move(sampler));
    before_ = tokens_;
    const auto all_before = static_cast<std::uint32_t>(before_.size());
    computed_before_ = position() > 0 ? position() : all_before - std::min(all_before, 1U);
    const std::size_t asked = tokens.size() + held - computed;
    // Behind what a session that slides has, it makes room for what it could hold at all.
    const bool needs_more = whole || options_.keep + tokens.size() > most;
    tokens.insert(tokens.begin(), tokens_.begin(),
                  tokens_.begin() + static_cast<std::ptrdiff_t>(held));
    std::ranges::for_each(tokens, [this](Token token) { sampler_->remember(token); });
    request.tokens = std::move(tokens);
    if (request.tokens.size() > most && needs_more) {
        request = in_window(std::move(request), options_, most);
        forget_ends_after(options_.keep);
    }
    tokens_ = std::move(request.tokens);
    stream_.emplace(request.stops);
    answer_ = {};
    answer_.prompt_tokens = static_cast<std::uint32_t>(std::min(asked, tokens_.size()));
    unshown_.clear();
    request_ = std::move(request);
    cancelled_ = false;
    computed_anew_ = false;
    since_ = Clock::now();
    state_ = State::waiting;
    return {};
}

std::uint32_t Conversation::reusable(const SessionCells& cells, std::span<const Token> prompt,
                                     const Request& request, const CutOptions& cut) {
    // The last one has to be computed: its logits are wanted.
    const std::uint32_t common =
        std::min(common_start(cells.tokens, prompt), static_cast<std::uint32_t>(prompt.size()) - 1);
    if (!cut.only_fixed || request.kind == PromptKind::behind) {
        return common;
    }
    if (!cut.forgets_any_end && common < cells.tokens.size()) {
        return 0;  // what is left of a window would be summed in another order
    }
    const std::uint32_t fixed = std::min(common, cells.fixed);
    const std::uint32_t shared = request.shared_tokens;
    if (shared == cells.fixed_shared) {
        const std::uint32_t pieces = fixed / cut.piece * cut.piece;
        return shared <= fixed ? std::max(shared, pieces) : pieces;
    }
    return std::min(fixed, std::min(shared, cells.fixed_shared)) / cut.piece * cut.piece;
}

ComputedPieces Conversation::pieces(const CutOptions& cut) const {
    return {cut.piece, ends_, cells_.fixed, cells_.fixed_shared};
}

void Conversation::set_tokens(std::vector<Token> tokens, ComputedPieces pieces,
                              const CutOptions& cut) {
    tokens_ = std::move(tokens);
    ends_ = std::move(pieces.ends);
    // Of a fresh session the pieces are others now, if batches had another size.
    const bool same = pieces.piece == cut.piece && !cells_.tokens.empty();
    cells_.fixed = same ? pieces.fixed : 0;
    cells_.fixed_shared = same ? pieces.fixed_shared : 0;
}

void Conversation::forget_ends_after(std::uint32_t position) {
    ends_.erase(std::upper_bound(ends_.begin(), ends_.end(), position), ends_.end());
}

/// Leaves in the cells what of them need not be computed, or brings more from elsewhere, and says
/// how many tokens that are.
std::uint32_t Conversation::take_beginning(KvManager& kv, const CutOptions& cut,
                                           const SessionCells* other) {
    const std::uint32_t kept = kv.keep_first(cells_, reusable(cells_, tokens_, request_, cut));
    const std::uint32_t shared = request_.shared_tokens;
    const std::uint32_t others = other == nullptr ? 0 : reusable(*other, tokens_, request_, cut);
    const auto copied = [&] {
        return others > kept && kv.copy_first(*other, cells_, others) ? others : 0;
    };
    const auto restored = [&] {
        return kept < shared && shared < tokens_.size() &&
                       kv.restore_prefix(cells_, std::span(tokens_).first(shared))
                   ? shared
                   : 0;
    };
    std::uint32_t taken = others > shared ? copied() : restored();
    if (taken == 0) {
        taken = others > shared ? restored() : copied();
    }
    if (taken > 0) {
        cells_.fixed = taken;
        cells_.fixed_shared = shared;
        ends_.clear();
    }
    return position();  // none, where what was to be copied could not be taken
}

/// Takes the cells that are there to have been cut like a prompt, where nobody knows.
void Conversation::assume_ends(std::uint32_t piece) {
    const std::uint32_t shared = request_.shared_tokens;
    for (std::uint32_t end = piece; end < position(); end += piece) {
        ends_.push_back(end);
    }
    if (0 < shared && shared < position() && shared % piece != 0) {
        ends_.insert(std::ranges::upper_bound(ends_, shared), shared);
    }
    ends_.push_back(position());
}

void Conversation::enter(KvManager& kv, const CutOptions& cut, const SessionCells* other) {
    HEXCORE_CHECK(state_ == State::waiting, static_cast<int>(state_), "does not wait");
    const std::uint32_t kept = take_beginning(kv, cut, other);
    const std::uint32_t shared = request_.shared_tokens;
    if (request_.kind == PromptKind::whole) {
        forget_ends_after(kept);
        if (ends_.empty() && kept > 0) {
            assume_ends(cut.piece);
        }
    }
    if (kept == 0) {
        // What was given up while it was parked may have been longer than a window.
        const std::size_t most = cells_.most;
        if (tokens_.size() > most) {
            const std::size_t keep = std::min<std::size_t>(options_.keep, most / 2);
            const auto from = tokens_.begin() + static_cast<std::ptrdiff_t>(keep);
            tokens_.erase(from, from + static_cast<std::ptrdiff_t>(tokens_.size() - most));
        }
    }
    if (cells_.fixed == 0) {
        cells_.fixed_shared = shared;
    }
    fixed_grows_ = shared == cells_.fixed_shared ||
                   (request_.kind == PromptKind::behind && cells_.fixed >= cells_.fixed_shared);
    answer_.reused_tokens = request_.kind == PromptKind::whole ? kept : 0;
    kv.reused(cells_, answer_.reused_tokens);
    answer_.waited_seconds = lap();
    state_ = State::prompt;
}

std::span<const Token> Conversation::next(KvManager& kv, const CutOptions& cut) {
    std::uint32_t at = position();
    now_ = 1;
    if (state_ == State::generating && uncomputed() > 1) {
        state_ = State::prompt;  // its cells were given up
    }
    if (state_ == State::prompt) {
        std::uint32_t end = (at / cut.piece + 1) * cut.piece;
        if (at < request_.shared_tokens) {
            end = std::min(end, request_.shared_tokens);
        }
        const auto before = std::upper_bound(ends_.begin(), ends_.end(), at);
        if (cut.only_fixed && before != ends_.end()) {
            end = std::min(end, *before);
        }
        const std::size_t left = uncomputed();
        const bool last_alone = request_.wants_state && left > 1;
        now_ = std::min<std::size_t>(last_alone ? left - 1 : left, end - at);
    }
    while (at + now_ > cells_.most) {
        if (options_.on_full == OnFull::stop) {
            return {};
        }
        const std::uint32_t keep = std::min(options_.keep, at - std::min(at, 2U));
        if (at < 2 || cells_.shifting) {
            now_ = cells_.most - at;  // it slid already: as much as there is room for
            break;
        }
        const std::uint32_t out = kv.slide(cells_, keep);
        ends_.clear();
        computed_before_ = std::min(computed_before_, keep);
        const auto from = tokens_.begin() + static_cast<std::ptrdiff_t>(keep);
        tokens_.erase(from, from + static_cast<std::ptrdiff_t>(out));
        at = position();
    }
    return std::span(tokens_).subspan(at, now_);
}

bool Conversation::computed(KvManager& kv, const CutOptions& cut) {
    const std::uint32_t from = position();
    const auto tokens = std::span(tokens_).subspan(from, now_);
    kv.computed(cells_, tokens);
    answer_.computed_tokens += static_cast<std::uint32_t>(now_);
    if (ends_.empty() || ends_.back() < position()) {
        ends_.push_back(position());
    }
    if (state_ == State::generating) {
        return true;
    }
    const std::uint32_t to = position();
    if (fixed_grows_ && cells_.fixed == from &&
        (to % cut.piece == 0 || to == request_.shared_tokens)) {
        cells_.fixed = to;
    }
    if (to == request_.shared_tokens && cells_.fixed == to) {
        kv.save_prefix(cells_);
    }
    return uncomputed() == 0;
}

void Conversation::not_computed(KvManager& kv) { (void)kv.keep_first(cells_, position()); }

Answer Conversation::end(StopReason reason, KvManager& kv) {
    const bool undone = reason == StopReason::interrupted && request_.all_or_nothing;
    const bool prompt_is_computed = state_ == State::generating || state_ == State::offered;
    if (undone || (answer_.generated_tokens == 0 && !prompt_is_computed)) {
        give_up(kv);
        answer_.prompt_tokens = answer_.reused_tokens = 0;
    } else {
        show(stream_->rest(), true);
    }
    request_.on_piece = {};
    state_ = State::idle;
    kv.let_go(cells_);
    answer_.stop = reason;
    answer_.cache = kv.stats(&cells_);
    return std::move(answer_);
}

void Conversation::give_up(KvManager& kv) {
    if (state_ != State::waiting) {
        kv.let_go(cells_);
        const std::uint32_t common =
            std::min(common_start(cells_.tokens, before_), computed_before_);
        forget_ends_after(computed_before_);
        // Where it cannot stand where it stood, it computes that again when it is asked.
        (void)kv.keep_first(cells_, common);
    }
    tokens_ = std::move(before_);
    request_.on_piece = {};
    state_ = State::idle;
}

}  // namespace hexcore
