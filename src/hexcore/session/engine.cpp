#include "hexcore/session/engine.hpp"

#include <algorithm>
#include <utility>

#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

using State = Conversation::State;

std::vector<Conversation*> those_in(std::span<Conversation* const> all, State state) {
    std::vector<Conversation*> some;
    std::ranges::copy_if(all, std::back_inserter(some), [state](const Conversation* conversation) {
        return conversation->state() == state;
    });
    return some;
}

/// Only of single tokens, as libllama has them; of a prompt, of its last one.
States states_for(std::span<const Conversation* const> computing,
                  std::span<const SequenceTokens> parts) {
    const bool wanted = std::ranges::any_of(computing, [](const Conversation* conversation) {
        return conversation->request().wants_state;
    });
    const bool single = std::ranges::all_of(
        parts, [](const SequenceTokens& part) { return part.tokens.size() == 1; });
    return wanted && single ? States::wanted : States::none;
}

/// session_bound() of options that a session of this model can have; fails as Engine::check().
Result<std::uint32_t> checked_bound(const SessionOptions& options, const LoadedModel& model) {
    HEXCORE_TRY(most, session_bound(options, model));
    if (options.on_full == OnFull::stop) {
        return most;
    }
    const CacheAbilities abilities = abilities_of(model);
    if (!abilities.slide) {
        return fail(ErrorCode::usage, "a full context of this model cannot slide: {}; it can stop",
                    abilities.why);
    }
    if (options.keep > most / 2) {
        return fail(ErrorCode::usage, "{} tokens to keep are more than half of the {} of a session",
                    options.keep, most);
    }
    return most;
}

}  // namespace

Engine::Engine(LoadedModel& model, EngineOptions options)
    : use_(model, "sessions"),
      decoder_(model),
      tokenizer_(model),
      kv_(model, parking_for(model, options)),
      options_(std::move(options)),
      cut_{.piece = decoder_.piece_tokens(),
           .only_fixed = options_.equality == Equality::exact,
           .forgets_any_end = kv_.abilities().forget == Forgetting::any_end} {}

/// The cells of a sliding window come back in another order than they had, which sums them in
/// another order: those of sessions that are to be exact are computed again.
ParkingOptions Engine::parking_for(const LoadedModel& model, const EngineOptions& options) {
    ParkingOptions parking = options.parking;
    const Forgetting forget = abilities_of(model).forget;
    if (options.equality == Equality::exact &&
        (forget == Forgetting::within_reach || forget == Forgetting::in_cache)) {
        parking.memory = Bytes();
    }
    return parking;
}

Engine::~Engine() { HEXCORE_CHECK(conversations_.empty(), conversations_.size(), "still open"); }

Result<void> Engine::check(const SessionOptions& options, const LoadedModel& model) {
    HEXCORE_TRY_VOID(checked_bound(options, model));
    return {};
}

Result<Session> Engine::open(const SessionOptions& options) {
    HEXCORE_TRY(most, checked_bound(options, model()));
    SessionCells& cells = kv_.add();
    cells.most = most;
    conversations_.push_back(std::make_unique<Conversation>(cells, options));
    return Session(*this, *conversations_.back());
}

bool Engine::turn(const std::atomic<bool>* stop) {
    HEXCORE_CHECK(!computing_, "a turn", "is taken within another");
    computing_ = true;
    ++turns_under_way_;
    end_cancelled(stop);
    admit();
    compute_prompt(stop);
    compute_answers(stop);
    computing_ = false;
    tell_ends();
    tell_offers();
    --turns_under_way_;
    return !asked_.empty();
}

Result<Answer> Engine::answer(Session& session, Request request, const std::atomic<bool>* stop) {
    std::optional<Result<Answer>> end;
    request.on_end = [&end](Result<Answer> answer) { end = std::move(answer); };
    session.ask(std::move(request));
    while (!end) {
        (void)turn(stop);
    }
    return std::move(*end);
}

std::uint32_t Engine::reusable(const Request& request) const {
    const std::span<const Token> prompt = request.tokens;
    if (prompt.empty()) {
        return 0;
    }
    const AdapterSet& adapters = model().adapter_keys();
    // Whoever makes room for the new session has nothing left by then.
    const SessionCells* source = longest_beginning(prompt, request, adapters, kv_.next_to_go());
    const std::uint32_t copied =
        source == nullptr ? 0 : Conversation::reusable(*source, prompt, request, cut_);
    const std::uint32_t shared = request.shared_tokens;
    const bool is_saved = shared < prompt.size() && kv_.has_prefix(prompt.first(shared), adapters);
    return std::max(copied, is_saved ? shared : 0);
}

std::size_t Engine::waiting() const { return those_in(asked_, State::waiting).size(); }

std::size_t Engine::answering() const { return asked_.size() - waiting(); }

void Engine::end_cancelled(const std::atomic<bool>* stop) {
    const bool all = stop != nullptr && stop->load();
    for (Conversation* conversation : std::vector(asked_)) {
        if (all || conversation->is_cancelled()) {
            end(*conversation, StopReason::interrupted);
        }
    }
}

void Engine::admit() {
    for (Conversation* conversation : those_in(asked_, State::waiting)) {
        if (!kv_.bring_in(conversation->cells())) {
            return;  // first come, first served
        }
        const Request& request = conversation->request();
        const SessionCells& own = conversation->cells();
        const SessionCells* other =
            request.kind == PromptKind::whole
                ? longest_beginning(conversation->tokens(), request, own.adapters, &own)
                : nullptr;
        conversation->enter(kv_, cut_, other);
    }
}

const SessionCells* Engine::longest_beginning(std::span<const Token> prompt, const Request& request,
                                              const AdapterSet& adapters,
                                              const SessionCells* besides) const {
    const SessionCells* longest = nullptr;
    std::uint32_t most = 0;
    for (const auto& conversation : conversations_) {
        const SessionCells& cells = conversation->cells();
        const std::uint32_t common = Conversation::reusable(cells, prompt, request, cut_);
        if (&cells != besides && cells.adapters == adapters && common > most &&
            kv_.can_copy_first(cells, common)) {
            longest = &cells;
            most = common;
        }
    }
    return longest;
}

void Engine::compute_prompt(const std::atomic<bool>* stop) {
    const std::vector<Conversation*> prompts = those_in(asked_, State::prompt);
    if (!prompts.empty()) {
        // A piece of a prompt shares its batch with nobody: libllama would cut it (split_equal).
        compute({&prompts.front(), 1}, TokenKind::prompt, stop);
    }
}

void Engine::compute_answers(const std::atomic<bool>* stop) {
    const std::vector<Conversation*> answers = those_in(asked_, State::generating);
    if (kv_.abilities().forget == Forgetting::all_or_none) {
        stop = nullptr;  // a token that was computed by half would cost all of them
    }
    if (options_.equality == Equality::exact) {
        for (Conversation* const& conversation : answers) {
            compute({&conversation, 1}, TokenKind::generated, stop);
        }
    } else if (!answers.empty()) {
        compute(answers, TokenKind::generated, stop);
    }
}

void Engine::compute(std::span<Conversation* const> together, TokenKind kind,
                     const std::atomic<bool>* stop) {
    std::vector<SequenceTokens> parts;
    std::vector<Conversation*> computing;
    for (Conversation* conversation : together) {
        const auto tokens = conversation->next(kv_, cut_);
        if (tokens.empty()) {
            end(*conversation, StopReason::context_full);
            continue;
        }
        const SessionCells& cells = conversation->cells();
        parts.push_back(
            {cells.sequence.value(), static_cast<std::uint32_t>(cells.tokens.size()), tokens});
        computing.push_back(conversation);
    }
    if (parts.empty()) {
        return;
    }
    if (options_.routing != nullptr) {
        options_.routing->computing(parts, kind);
    }
    auto decoded = decoder_.decode(parts, stop, states_for(computing, parts));
    if (!decoded || *decoded == Decoded::stopped) {
        for (Conversation* conversation : computing) {
            conversation->not_computed(kv_);
        }
        if (decoded) {
            return;  // the next turn ends them
        }
        if (computing.size() == 1) {
            fail_one(*computing.front(), std::move(decoded.error()));
            return;
        }
        // Whoever is at fault fails alone, too; the others need not know.
        for (Conversation* const& conversation : computing) {
            compute({&conversation, 1}, kind, stop);
        }
        return;
    }
    if (options_.routing != nullptr) {
        options_.routing->computed();
    }
    for (std::size_t part = 0; part < computing.size(); ++part) {
        if (computing[part]->computed(kv_, cut_)) {
            take(*computing[part], part);
        }
    }
}

void Engine::take(Conversation& conversation, std::size_t part) {
    const auto logits = decoder_.logits(part);
    if (!logits) {
        // It may be of cells that another one left, whom nobody told because it was cancelled.
        kv_.wipe(conversation.cells());
        if (!conversation.computes_anew()) {
            fail_one(conversation, logits.error());
        }
        return;
    }
    if (conversation.offers()) {
        const bool has_state = conversation.request().wants_state;
        conversation.offer({*logits, has_state ? decoder_.state(part) : std::span<const float>()});
        offers_.push_back(&conversation);
        return;
    }
    const auto ended = conversation.take(*logits, tokenizer_);
    if (!ended) {
        fail_one(conversation, ended.error());
    } else if (*ended) {
        end(conversation, conversation.reason());
    }
}

/// What was offered is a token of the answer now; tells if it has ended.
void Engine::taken(Conversation& conversation, const Result<Conversation::Taken>& taken) {
    if (!taken) {
        fail_one(conversation, taken.error());
    } else if (taken->ended) {
        end(conversation, conversation.reason());
    }
    tell_ends();
}

void Engine::end(Conversation& conversation, StopReason reason) {
    std::erase(offers_, &conversation);
    auto tell = conversation.take_on_end();
    ends_.push_back({std::move(tell), conversation.end(reason, kv_)});
    std::erase(asked_, &conversation);
}

void Engine::fail_one(Conversation& conversation, Error error) {
    std::erase(offers_, &conversation);
    ends_.push_back({conversation.take_on_end(), tl::unexpected(std::move(error))});
    conversation.give_up(kv_);
    std::erase(asked_, &conversation);
}

void Engine::tell_ends() {
    for (End& end : std::exchange(ends_, {})) {
        if (end.tell) {
            end.tell(std::move(end.answer));
        }
    }
}

/// Each at most once, although any of them may end others, or take turns.
void Engine::tell_offers() {
    while (!offers_.empty()) {
        const Conversation& conversation = *offers_.front();
        offers_.erase(offers_.begin());
        const auto on_next = conversation.request().on_next;  // it may end its own answer
        on_next(conversation.offered());
    }
}

}  // namespace hexcore
