#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "hexcore/runtime/tokenizer.hpp"
#include "hexcore/session/kv_manager.hpp"
#include "hexcore/session/request.hpp"
#include "hexcore/session/text_stream.hpp"

namespace hexcore {

/// What happens when a session has no cell left.
enum class OnFull {
    stop,   ///< the answer ends
    slide,  ///< the older half of the tokens is forgotten
};

/// How a session is kept. The defaults are those of `hexcore run`.
struct SessionOptions {
    OnFull on_full = OnFull::stop;
    std::uint32_t keep = 0;  ///< tokens at the start that slide() never takes out
    /// It is full with so many tokens in the cache; 0: with all that its sequence has room for.
    std::uint32_t most_tokens = 0;
    /// The same in bytes of the cache, over all devices; whichever comes first. 0: no such bound.
    Bytes most_bytes = {};
};

/// The most tokens that a session of this model has in the cache. Fails with ErrorCode::usage where
/// the bound in its options leaves it none, or is in bytes that nobody can tell beforehand.
[[nodiscard]] Result<std::uint32_t> session_bound(const SessionOptions& options,
                                                  const LoadedModel& model);

/// What a session that slides takes of a whole prompt of more than `most` tokens: the first `keep`,
/// and the newest, of which as many are left as if it had slid all along. So the prompts of a
/// conversation that grows leave the same out, and begin alike, until it slides again. Any other
/// request is left as it is.
[[nodiscard]] Request in_window(Request request, const SessionOptions& options, std::uint32_t most);

/// How reused tokens and pieces of prompts are cut.
struct CutOptions {
    std::uint32_t piece = 512;  ///< pieces end at its multiples
    bool only_fixed = false;    ///< what was not computed in such pieces is not reused
    bool forgets_any_end = true;
};

/// How many tokens both begin with.
[[nodiscard]] std::uint32_t common_start(std::span<const Token> a, std::span<const Token> b);

/// One session as a state machine: what it computes next, and what it makes of the logits. The
/// engine computes; this knows nothing of the others.
class Conversation {
public:
    enum class State {
        idle,
        waiting,     ///< for a sequence of the cache
        prompt,      ///< has tokens of a prompt to compute
        generating,  ///< has one token to compute, the last one of the answer so far
        offered,     ///< the next token is somebody else's choice, who was told or is going to be
    };

    /// `cells` say how many tokens it may have.
    Conversation(SessionCells& cells, SessionOptions options) : cells_(cells), options_(options) {}

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] SessionCells& cells() const { return cells_; }
    /// All its tokens, whether they are in the cache or not; the last may not be computed yet.
    [[nodiscard]] const std::vector<Token>& tokens() const { return tokens_; }
    /// In which pieces they were computed.
    [[nodiscard]] ComputedPieces pieces(const CutOptions& cut) const;
    /// In place of those that it has; it must be idle. The cells must be there already.
    void set_tokens(std::vector<Token> tokens, ComputedPieces pieces, const CutOptions& cut);
    /// Ends its answer before anything more is computed. Safe to call from any thread.
    void cancel() { cancelled_ = true; }
    [[nodiscard]] bool is_cancelled() const { return cancelled_; }

    /// idle -> waiting. Fails as Request::on_end says, and stays idle.
    [[nodiscard]] Result<void> ask(Request request, const LoadedModel& model, const KvManager& kv);
    /// waiting -> prompt: it has a sequence now, and finds out what need not be computed: what is
    /// in its cells, in a saved beginning, or in the cells of another session (null: of none).
    void enter(KvManager& kv, const CutOptions& cut, const SessionCells* other);
    /// How many of a prompt's first tokens are in `cells`, and as they would be if they were
    /// computed for it.
    [[nodiscard]] static std::uint32_t reusable(const SessionCells& cells,
                                                std::span<const Token> prompt,
                                                const Request& request, const CutOptions& cut);

    /// The tokens to compute now; makes room for them first. None: the cache is full, and it is to
    /// end with StopReason::context_full.
    [[nodiscard]] std::span<const Token> next(KvManager& kv, const CutOptions& cut);
    /// next() was computed. Whether its logits are wanted: a token is to be chosen now.
    [[nodiscard]] bool computed(KvManager& kv, const CutOptions& cut);
    /// Its cells are gone, since what was computed with them was wrong. Whether it computes all of
    /// them anew, which it does once for each answer, in pieces like a prompt.
    [[nodiscard]] bool computes_anew() {
        state_ = State::prompt;
        return !std::exchange(computed_anew_, true);
    }
    /// next() was not computed, or in part: nothing of it counts.
    void not_computed(KvManager& kv);
    /// Chooses the next token. True: the answer ends, as answer().stop says.
    [[nodiscard]] Result<bool> take(std::span<const float> logits, const Tokenizer& tokenizer);

    /// A token that was taken from what was offered.
    struct Taken {
        Token token = 0;
        bool ended = false;  ///< as take() says
    };
    /// Whether tokens are not chosen here, but offered to somebody.
    [[nodiscard]] bool offers() const { return request_.on_next != nullptr; }
    /// -> offered. Keeps what there is to choose from.
    void offer(const NextToken& next);
    [[nodiscard]] NextToken offered() const { return {logits_, state_of_next_}; }
    /// offered -> generating, with that token.
    [[nodiscard]] Result<Taken> take_offered(Token token, const Tokenizer& tokenizer);
    /// The same with the one that is chosen from these as if they were its own.
    [[nodiscard]] Result<Taken> take_from(std::span<const float> logits,
                                          const Tokenizer& tokenizer);

    /// -> idle, with the answer so far, which ends for `reason`.
    [[nodiscard]] Answer end(StopReason reason, KvManager& kv);
    /// -> idle, and back to where the session stood before it was asked.
    void give_up(KvManager& kv);
    [[nodiscard]] StopReason reason() const { return answer_.stop; }
    [[nodiscard]] const Request& request() const { return request_; }
    /// Nobody is told of this request again.
    [[nodiscard]] std::function<void(Result<Answer>)> take_on_end() {
        request_.on_next = {};
        return std::exchange(request_.on_end, {});
    }

private:
    using Clock = std::chrono::steady_clock;
    void show(const std::string& text, bool at_end);
    void note_time();
    [[nodiscard]] double lap();
    [[nodiscard]] bool add(Token token, std::span<const float> logits, const Tokenizer& tokenizer);
    void forget_ends_after(std::uint32_t position);
    void assume_ends(std::uint32_t piece);
    [[nodiscard]] std::uint32_t take_beginning(KvManager& kv, const CutOptions& cut,
                                               const SessionCells* other);
    /// Tokens behind the cells, still to be computed.
    [[nodiscard]] std::size_t uncomputed() const { return tokens_.size() - cells_.tokens.size(); }
    [[nodiscard]] std::uint32_t position() const {
        return static_cast<std::uint32_t>(cells_.tokens.size());
    }

    SessionCells& cells_;
    const SessionOptions options_;
    State state_ = State::idle;
    std::atomic<bool> cancelled_ = false;
    std::vector<Token> tokens_;
    std::vector<Token> before_;          ///< the tokens before it was asked
    std::uint32_t computed_before_ = 0;  ///< of them, how many had been computed
    std::size_t now_ = 0;                ///< tokens behind the cells that are being computed
    /// Where batches of its tokens ended, as long as none were forgotten: cells that are gone can
    /// be computed again as they were.
    std::vector<std::uint32_t> ends_;
    bool computed_anew_ = false;
    bool fixed_grows_ = false;  ///< pieces end where those of a fresh session would
    Request request_;
    std::optional<Sampler> sampler_;
    std::optional<TextStream> stream_;
    std::vector<GeneratedToken> unshown_;
    std::vector<float> logits_;  ///< where they are offered
    std::vector<float> state_of_next_;
    Answer answer_;
    Clock::time_point since_;  ///< the last change of what it does
};

}  // namespace hexcore
