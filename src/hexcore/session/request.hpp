#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/report/run_report.hpp"
#include "hexcore/runtime/sampler.hpp"
#include "hexcore/runtime/tokenizer.hpp"

namespace hexcore {

/// What a request's prompt is to its session.
enum class PromptKind {
    behind,  ///< goes on where the session stands
    whole,   ///< the whole conversation; what the session holds of its beginning is reused
};

/// A token of an answer.
struct GeneratedToken {
    Token token = 0;
    std::string bytes;                    ///< may be part of a character
    std::optional<TokenChances> chances;  ///< where they were asked for
};

/// A part of an answer, as it comes.
struct AnswerPiece {
    std::string_view text;                   ///< whole characters; never a part of a stop text
    std::span<const GeneratedToken> tokens;  ///< since the piece before
};

/// What one answer took and why it ended.
struct Answer {
    std::string text;
    std::vector<GeneratedToken> tokens;  ///< where chances were asked for
    StopReason stop = StopReason::eos;
    std::uint32_t prompt_tokens = 0;  ///< of the request; 0 where it was interrupted before they
                                      ///< were computed
    std::uint32_t reused_tokens = 0;  ///< that were in the cache already
    std::uint32_t generated_tokens = 0;
    std::uint32_t computed_tokens = 0;  ///< into the KV cache; the last of an answer need not be
    double waited_seconds = 0;          ///< for cells, before anything was computed
    double prompt_seconds = 0;
    double decode_seconds = 0;
    CacheStats cache;  ///< when it ended
};

/// An answer's next token, of which nothing is chosen yet: what the model says of it.
struct NextToken {
    std::span<const float> logits;  ///< [vocabulary]
    std::span<const float> state;   ///< [n_embd], the last hidden state, where it is wanted
};

/// A question to a session. The defaults are those of `hexcore run`.
struct Request {
    std::string text;           ///< the prompt, unless there are
    std::vector<Token> tokens;  ///< which are the prompt
    /// `tokens` are those of `text` there; where the session stands elsewhere, the engine's thread
    /// makes them again. Empty: they are the prompt wherever it stands.
    std::optional<TextPlace> tokens_place = {};
    PromptKind kind = PromptKind::behind;
    /// Of a whole prompt, how many tokens at its start other prompts begin with, too (those of a
    /// system prompt). They are computed once; a piece of the prompt ends behind them.
    std::uint32_t shared_tokens = 0;
    /// Of a chat's whole prompt, how many tokens at its end only open the answer. When the chat
    /// comes back it may have others there: a model's thoughts are left out by then.
    std::optional<std::uint32_t> opening_tokens = {};
    std::uint32_t max_tokens = 0;  ///< to generate; 0: until the model or the context ends it
    std::vector<std::string> stops = {};  ///< texts that end the answer, and are no part of it
    SamplingOptions sampling = {};
    ParsedGrammar grammar = {};  ///< what the answer has to follow
    std::vector<LogitBias> biases = {};
    std::vector<Token> shown_tokens = {};  ///< special ones, whose names are part of the text
    /// One that is interrupted leaves the session as it was, as one that fails does.
    bool all_or_nothing = false;
    /// Chances of each token, and of how many others at its place; empty: none.
    std::optional<std::uint32_t> chances = {};
    std::function<void(const AnswerPiece&)> on_piece = {};
    /// Where set, the engine chooses no token. It tells this what there is to choose from, between
    /// two turns, and the answer waits until the session takes one: from here, or while other
    /// engines of the thread take theirs. Until then the engine's turns go on, without a pause.
    /// What the spans show stays until the session computes again. Anything may be called from
    /// here.
    std::function<void(const NextToken&)> on_next = {};
    /// Tokens come with their states, for which the last one of the prompt is computed alone. The
    /// model must have been loaded to give them.
    bool wants_state = false;
    /// Called once. Fails with bad_input for a model without tokenizer or of a kind that does not
    /// continue texts, ErrorCode::usage for an empty first prompt or one that the context cannot
    /// hold, does_not_fit where a device refused, negative where the model yields NaN. The session
    /// then stands where it stood before. One that is cancelled before its prompt was computed has
    /// 0 prompt tokens and leaves the session as it was.
    std::function<void(Result<Answer>)> on_end = {};
};

}  // namespace hexcore
