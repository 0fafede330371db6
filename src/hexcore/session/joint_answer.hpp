#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// Makes one of what several members of a joint answer say of its next token.
class TokenCombiner {
public:
    TokenCombiner() = default;
    virtual ~TokenCombiner() = default;
    TokenCombiner(const TokenCombiner&) = delete;
    TokenCombiner& operator=(const TokenCombiner&) = delete;

    /// `members`: as they were given to the answer. The logits that the next token is chosen from,
    /// [vocabulary], none of them a NaN; valid until the next call.
    [[nodiscard]] virtual Result<std::span<const float>> combine(
        std::span<const NextToken> members) = 0;
    /// That token was chosen; what the members said stands as it stood.
    virtual void chosen(Token /*token*/, std::span<const NextToken> /*members*/) {}
};

/// Finds an idle session for a request, which is asked at once.
using SessionFor = std::function<Result<Session*>(const Request&)>;

/// A session that takes part in a joint answer, and what it is asked for that.
struct JointMember {
    Session* session = nullptr;
    Request request = {};
    SessionFor session_for = {};  ///< asked where there is no session
};

/// One answer that several sessions give together, token by token: each computes what follows its
/// own prompt, a TokenCombiner makes logits of that, the first member's sampler chooses, and all
/// take the same token. The members may be of several engines, of models with one vocabulary, whose
/// turns one thread takes; the answer goes on while they do. Whatever ends one member's answer ends
/// all: none waits for another that has ended.
///
/// What comes of it is the first member's answer: its request says how tokens are chosen, when it
/// ends, and who is told. Of the other members' requests only the prompts count, and wants_state.
class JointAnswer {
public:
    /// Asks all members, which are idle and stay where they are. `combiner` must outlive the
    /// answer. Whoever fails, also here, is told by the first request's `on_end`, when all members
    /// are idle again: for the causes of Request::on_end, of any member, each of which then stands
    /// where it stood before; with ErrorCode::usage where an engine has more members than sequences
    /// for them; and as the combiner and `session_for` fail. If any member is full, it ends with
    /// StopReason::context_full.
    JointAnswer(std::vector<JointMember> members, TokenCombiner& combiner);
    JointAnswer(JointAnswer&&) noexcept = default;
    JointAnswer& operator=(JointAnswer&& other) noexcept;
    ~JointAnswer();  ///< it is interrupted, and nobody is told

    /// Ends it before the next turn. Safe to call from any thread, until it has ended.
    void cancel();
    [[nodiscard]] bool ended() const;
    /// A turn of each engine that has members.
    void turn(const std::atomic<bool>* stop = nullptr);

private:
    class Members;
    std::shared_ptr<Members> members_;  ///< shared with what the sessions call
};

/// A joint answer, with turns taken until it is there. Fails as JointAnswer.
[[nodiscard]] Result<Answer> answer_together(std::vector<JointMember> members,
                                             TokenCombiner& combiner,
                                             const std::atomic<bool>* stop = nullptr);

}  // namespace hexcore
