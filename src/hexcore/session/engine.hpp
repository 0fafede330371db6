#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/runtime/routing_watch.hpp"
#include "hexcore/runtime/tokenizer.hpp"
#include "hexcore/session/conversation.hpp"
#include "hexcore/session/kv_manager.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

class Engine;

/// Whether what others do may change the bits of a session's logits.
enum class Equality {
    close,  ///< sessions are computed in one batch
    exact,  ///< each alone, and what is reused was computed as it would be now
};

struct EngineOptions {
    Equality equality = Equality::close;
    ParkingOptions parking = {};
    /// The one of the model's context, if it has one (ContextOptions::routing), told of all that is
    /// computed; it must outlive the engine.
    RoutingWatch* routing = nullptr;
};

/// One conversation of an engine, ended with the object: an answer under way is interrupted.
/// Move-only. All but cancel() belongs to the engine's thread. From `on_piece` nothing but cancel()
/// may be called, from `on_end` anything.
class Session {
public:
    Session(Session&& other) noexcept;
    Session& operator=(Session&& other) noexcept;
    ~Session();

    /// Asks; the answer comes while the engine takes its turns. One question at a time: it must be
    /// idle. Whoever fails is told by the request's `on_end`, if it has one.
    void ask(Request request);
    /// Ends the answer that is being given, before the next turn. Safe to call from any thread.
    void cancel();
    [[nodiscard]] bool idle() const;
    [[nodiscard]] Engine& engine() const { return *engine_; }

    /// The next token of an answer that offered it (Request::on_next). One that ends answers ends
    /// this one; where a grammar does not allow it, the answer fails.
    void take(Token token);
    /// The token that the request's own sampler chooses as if those were the session's logits, of
    /// which the answer's chances are then. Fails where there is none, as the answer then has.
    [[nodiscard]] Result<Token> take_from(std::span<const float> logits);
    /// Ends the answer that is being given at once, for that reason. Whoever asked is told before
    /// this returns. Not from `on_piece`.
    void finish(StopReason reason);
    /// The same, as if the answer had failed by itself: the session stands where it stood before.
    void fail_answer(Error error);
    /// All its tokens so far.
    [[nodiscard]] const std::vector<Token>& tokens() const;
    [[nodiscard]] CacheStats stats() const;
    /// How many tokens' keys and values are kept for it, in the cache or parked.
    [[nodiscard]] std::uint32_t kept() const;
    /// How many of a whole prompt's tokens it would not compute, for what is kept for it.
    [[nodiscard]] std::uint32_t reusable(const Request& request) const;
    /// Whether all that is kept for it would be given up if another session came in.
    [[nodiscard]] bool makes_room() const;

    /// Forgets all its tokens. It must be idle.
    void clear();
    /// Keeps what the session has in a file (docs/formats/session.md), with a note for whoever
    /// loads it. It must be idle. Fails with ErrorCode::negative where it cannot be written.
    [[nodiscard]] Result<void> save_to(const std::filesystem::path& file, const std::string& note);
    /// What load_from() found.
    struct Loaded {
        std::string note;
        std::string problem;  ///< why its tokens are going to be computed again; empty: they aren't
    };
    /// Goes on where the session in that file stood. Fails with ErrorCode::bad_input where it is
    /// none, damaged, or of another model, with ErrorCode::usage where it is longer than the
    /// context, and as `takes_note` does, which is asked before anything changes: whoever fails
    /// leaves the session as it was.
    [[nodiscard]] Result<Loaded> load_from(
        const std::filesystem::path& file,
        const std::function<Result<void>(const std::string& note)>& takes_note = {});

private:
    friend class Engine;
    Session(Engine& engine, Conversation& conversation)
        : engine_(&engine), conversation_(&conversation) {}
    void close();

    Engine* engine_;
    Conversation* conversation_;
};

/// Many sessions over one loaded model and its context. It works in turns: in each, the session
/// that has waited longest with a prompt computes a piece of it, and every session with an answer
/// under way computes one token. A session that is cancelled, fails or is full leaves the others as
/// they were. For one thread at a time.
///
/// With Equality::exact a session's logits are to the bit those of a process that has this session
/// alone; docs/kv-cache.md says what may differ otherwise.
class Engine {
public:
    /// The model must outlive the engine, and stay where it is. One engine for a model.
    explicit Engine(LoadedModel& model, EngineOptions options = {});
    ~Engine();  ///< its sessions must have gone
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Fails with ErrorCode::usage where a model's cache cannot do what is to happen when a session
    /// is full.
    [[nodiscard]] static Result<void> check(const SessionOptions& options,
                                            const LoadedModel& model);
    /// A new session, which takes nothing until it is asked. Fails as check() does.
    [[nodiscard]] Result<Session> open(const SessionOptions& options = {});

    /// One turn. False: nobody has a question. Once `stop` (null: never) is set, all answers end
    /// with StopReason::interrupted.
    bool turn(const std::atomic<bool>* stop = nullptr);
    /// Asks, and takes turns until that answer is there. Fails as Request::on_end says.
    [[nodiscard]] Result<Answer> answer(Session& session, Request request,
                                        const std::atomic<bool>* stop = nullptr);

    [[nodiscard]] LoadedModel& model() const { return decoder_.model(); }
    [[nodiscard]] const Tokenizer& tokenizer() const { return tokenizer_; }
    [[nodiscard]] const CacheAbilities& abilities() const { return kv_.abilities(); }
    [[nodiscard]] std::uint32_t session_tokens() const { return kv_.session_tokens(); }
    [[nodiscard]] CacheStats stats() const { return kv_.stats(); }
    /// How many of a whole prompt's tokens a new session would not compute, for a saved beginning
    /// or what another session has in the cache.
    [[nodiscard]] std::uint32_t reusable(const Request& request) const;
    [[nodiscard]] std::size_t n_sessions() const { return conversations_.size(); }
    /// What turn() would say of them now.
    [[nodiscard]] bool has_questions() const { return !asked_.empty(); }
    /// Whether a turn is under way, also where it tells of ends: the engine must stay until then.
    [[nodiscard]] bool is_turning() const { return turns_under_way_ > 0; }
    /// Questions that wait for cells, and that are being answered.
    [[nodiscard]] std::size_t waiting() const;
    [[nodiscard]] std::size_t answering() const;

private:
    friend class Session;
    struct End {
        std::function<void(Result<Answer>)> tell;
        Result<Answer> answer;
    };

    [[nodiscard]] static ParkingOptions parking_for(const LoadedModel& model,
                                                    const EngineOptions& options);
    void end_cancelled(const std::atomic<bool>* stop);
    void admit();
    /// Whose cells have the longest beginning of a whole prompt that can be copied under these
    /// adapters; null: nobody's.
    [[nodiscard]] const SessionCells* longest_beginning(std::span<const Token> prompt,
                                                        const Request& request,
                                                        const AdapterSet& adapters,
                                                        const SessionCells* besides) const;
    void compute_prompt(const std::atomic<bool>* stop);
    void compute_answers(const std::atomic<bool>* stop);
    void compute(std::span<Conversation* const> together, TokenKind kind,
                 const std::atomic<bool>* stop);
    void take(Conversation& conversation, std::size_t part);
    void taken(Conversation& conversation, const Result<Conversation::Taken>& taken);
    void end(Conversation& conversation, StopReason reason);
    void fail_one(Conversation& conversation, Error error);
    void tell_ends();
    void tell_offers();

    LoadedModel::Use use_;
    Decoder decoder_;
    Tokenizer tokenizer_;
    KvManager kv_;
    EngineOptions options_;
    CutOptions cut_;
    std::vector<std::unique_ptr<Conversation>> conversations_;
    std::vector<Conversation*> asked_;  ///< in the order in which they were asked
    std::vector<End> ends_;
    std::vector<Conversation*> offers_;  ///< that nobody was told of yet
    bool computing_ = false;             ///< sessions must not come or go
    std::uint32_t turns_under_way_ = 0;  ///< one may be taken where another tells of ends
};

}  // namespace hexcore
