#include "hexcore/session/joint_answer.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace hexcore {

/// Lives as long as a session may still call it.
class JointAnswer::Members : public std::enable_shared_from_this<Members> {
public:
    Members(std::vector<JointMember> members, TokenCombiner& combiner)
        : combiner_(combiner), members_(std::move(members)) {
        sessions_.resize(members_.size());
        offered_.resize(members_.size());
        ends_.resize(members_.size());
        on_end_ = std::move(members_.front().request.on_end);
    }

    /// All at once: members that wait for sequences then do so in one order everywhere, and none of
    /// two answers can have what the other waits for.
    void ask() {
        for (std::size_t i = 0; i < members_.size() && !over_; ++i) {
            Request request = request_for(i);
            if (auto found = find_session(i, request); !found) {
                end_others(tl::unexpected(std::move(found.error())));
            } else {
                sessions_[i]->ask(std::move(request));
            }
        }
        for (auto& end : ends_) {
            if (over_ && !end) {
                end = *over_;  // it was not asked any more
            }
        }
        members_.clear();
        tell_if_ended();
    }

    void cancel() {
        if (!ended_) {
            sessions_.front()->cancel();
        }
    }
    /// Ends what has not ended.
    void end_all(StopReason reason) {
        if (!ended_) {
            Answer end;
            end.stop = reason;
            end_others(end);
            tell_if_ended();
        }
    }
    [[nodiscard]] bool ended() const { return ended_; }
    [[nodiscard]] const std::vector<Engine*>& engines() const { return engines_; }
    void tell_nobody() { on_end_ = {}; }

private:
    [[nodiscard]] Result<void> find_session(std::size_t i, const Request& request) {
        Session* session = members_[i].session;
        if (session == nullptr) {
            HEXCORE_TRY(found, members_[i].session_for(request));
            session = found;
        }
        Engine& engine = session->engine();
        const auto before =
            std::count_if(sessions_.begin(), sessions_.begin() + static_cast<std::ptrdiff_t>(i),
                          [&](const Session* other) { return &other->engine() == &engine; });
        const std::uint32_t sequences = engine.model().plan().context.sequences;
        if (before >= static_cast<std::ptrdiff_t>(sequences)) {
            return fail(ErrorCode::usage, "{} sessions cannot answer together in a context of {}",
                        members_.size(), sequences);
        }
        if (before == 0) {
            engines_.push_back(&engine);
        }
        sessions_[i] = session;
        return {};
    }

    Request request_for(std::size_t i) {
        Request request = std::move(members_[i].request);
        const auto self = shared_from_this();
        request.on_next = [self, i](const NextToken& next) { self->offered(i, next); };
        request.on_end = [self, i](Result<Answer> end) { self->ended(i, std::move(end)); };
        if (i == 0) {
            leading_ = {.max_tokens = request.max_tokens,
                        .stops = request.stops,
                        .shown_tokens = request.shown_tokens,
                        .all_or_nothing = request.all_or_nothing};
        } else {
            // So that it ends where the first one does.
            request.on_piece = {};
            request.sampling = {};
            request.grammar = {};
            request.biases = {};
            request.chances = {};
            request.max_tokens = leading_.max_tokens;
            request.stops = leading_.stops;
            request.shown_tokens = leading_.shown_tokens;
            request.all_or_nothing = leading_.all_or_nothing;
        }
        return request;
    }

    void offered(std::size_t member, const NextToken& next) {
        offered_[member] = next;
        if (++n_offered_ == sessions_.size()) {
            n_offered_ = 0;
            take();
        }
    }

    /// All have offered: one token is chosen, and all take it.
    void take() {
        auto logits = combiner_.combine(offered_);
        if (!logits) {
            end_others(tl::unexpected(std::move(logits.error())));
            tell_if_ended();
            return;
        }
        taking_ = true;  // ends are looked at when all have taken it
        const auto token = sessions_.front()->take_from(*logits);
        if (token) {
            for (std::size_t i = 1; i < sessions_.size(); ++i) {
                if (!ends_[i]) {
                    sessions_[i]->take(*token);
                }
            }
            combiner_.chosen(*token, offered_);
        }
        taking_ = false;
        if (over_) {
            end_others(*over_);
            tell_if_ended();
        }
    }

    void ended(std::size_t member, Result<Answer> end) {
        if (!over_) {
            over_ = end;
        }
        ends_[member] = std::move(end);
        if (!taking_) {
            end_others(*over_);
            tell_if_ended();
        }
    }

    /// All that have not ended do so now, for the same cause.
    void end_others(Result<Answer> cause) {
        over_ = cause;
        for (std::size_t i = 0; i < sessions_.size(); ++i) {
            if (ends_[i] || sessions_[i] == nullptr || sessions_[i]->idle()) {
                continue;
            }
            if (cause) {
                sessions_[i]->finish(cause->stop);
            } else {
                sessions_[i]->fail_answer(cause.error());
            }
        }
    }

    void tell_if_ended() {
        const bool all =
            std::ranges::all_of(ends_, [](const auto& end) { return end.has_value(); });
        if (!all || ended_.exchange(true)) {
            return;
        }
        if (const auto on_end = std::exchange(on_end_, {})) {
            on_end(std::move(*ends_.front()));
        }
    }

    TokenCombiner& combiner_;
    std::vector<JointMember> members_;  ///< until they are asked
    std::vector<Session*> sessions_;    ///< [member]; null: it was not asked
    std::vector<Engine*> engines_;
    std::function<void(Result<Answer>)> on_end_;
    struct Leading {
        std::uint32_t max_tokens = 0;
        std::vector<std::string> stops = {};
        std::vector<Token> shown_tokens = {};
        bool all_or_nothing = false;
    };
    Leading leading_;
    std::vector<NextToken> offered_;  ///< [member]
    std::size_t n_offered_ = 0;
    std::vector<std::optional<Result<Answer>>> ends_;  ///< [member]
    std::optional<Result<Answer>> over_;               ///< why all of it ends
    bool taking_ = false;
    std::atomic<bool> ended_ = false;
};

JointAnswer::JointAnswer(std::vector<JointMember> members, TokenCombiner& combiner) {
    HEXCORE_CHECK(!members.empty(), "a joint answer", "has no members");
    members_ = std::make_shared<Members>(std::move(members), combiner);
    const auto asked = members_;
    asked->ask();  // whoever is told of its end may move this object
}

JointAnswer& JointAnswer::operator=(JointAnswer&& other) noexcept {
    std::swap(members_, other.members_);
    return *this;
}

JointAnswer::~JointAnswer() {
    if (members_) {
        members_->tell_nobody();
        members_->end_all(StopReason::interrupted);
    }
}

void JointAnswer::cancel() { members_->cancel(); }

bool JointAnswer::ended() const { return members_->ended(); }

void JointAnswer::turn(const std::atomic<bool>* stop) {
    const auto members = members_;  // whoever is told may give the answer up
    for (Engine* engine : members->engines()) {
        (void)engine->turn(stop);
    }
}

Result<Answer> answer_together(std::vector<JointMember> members, TokenCombiner& combiner,
                               const std::atomic<bool>* stop) {
    HEXCORE_CHECK(!members.empty(), "a joint answer", "has no members");
    std::optional<Result<Answer>> end;
    members.front().request.on_end = [&end](Result<Answer> answer) { end = std::move(answer); };
    JointAnswer answer(std::move(members), combiner);
    while (!end) {
        answer.turn(stop);
    }
    return std::move(*end);
}

}  // namespace hexcore
