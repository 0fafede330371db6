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

Session::Session(Session&& other) noexcept
    : engine_(other.engine_), conversation_(std::exchange(other.conversation_, nullptr)) {}

Session& Session::operator=(Session&& other) noexcept {
    if (this != &other) {
        close();
        engine_ = other.engine_;
        conversation_ = std::exchange(other.conversation_, nullptr);
    }
    return *this;
}

Session::~Session() { close(); }

void Session::close() {
    if (conversation_ == nullptr) {
        return;
    }
    HEXCORE_CHECK(!engine_->computing_, "a session", "is closed while it is computed");
    if (!idle()) {
        engine_->end(*conversation_, StopReason::interrupted);
    }
    engine_->kv_.remove(conversation_->cells());
    std::erase_if(engine_->conversations_,
                  [this](const auto& one) { return one.get() == conversation_; });
    conversation_ = nullptr;
    engine_->tell_ends();
}

void Session::ask(Request request) {
    HEXCORE_CHECK(!engine_->computing_, "a session", "is asked while others are computed");
    auto on_end = request.on_end;
    engine_->kv_.touch(conversation_->cells());
    if (auto asked = conversation_->ask(std::move(request), engine_->model(), engine_->kv_);
        asked) {
        engine_->asked_.push_back(conversation_);
    } else if (on_end) {
        on_end(tl::unexpected(std::move(asked.error())));
    }
}

void Session::cancel() { conversation_->cancel(); }

bool Session::idle() const { return conversation_->state() == State::idle; }

const std::vector<Token>& Session::tokens() const { return conversation_->tokens(); }

CacheStats Session::stats() const { return engine_->kv_.stats(&conversation_->cells()); }

std::uint32_t Session::kept() const { return engine_->kv_.kept(conversation_->cells()); }

std::uint32_t Session::reusable(const Request& request) const {
    const SessionCells& cells = conversation_->cells();
    return request.tokens.empty()
               ? 0
               : engine_->kv_.keepable(
                     cells, Conversation::reusable(cells, request.tokens, request, engine_->cut_));
}

bool Session::makes_room() const {
    const SessionCells& cells = conversation_->cells();
    return &cells == engine_->kv_.next_to_go() && engine_->kv_.cannot_park(cells);
}

void Session::clear() {
    HEXCORE_CHECK(idle(), "the session", "is being asked");
    conversation_->set_tokens({}, {}, engine_->cut_);
    engine_->kv_.clear(conversation_->cells());
}

Result<void> Session::save_to(const std::filesystem::path& file, const std::string& note) {
    HEXCORE_CHECK(idle(), "the session", "is being asked");
    SessionCells& cells = conversation_->cells();
    SessionFile content{.identity = StateIdentity::of(engine_->model()),
                        .tokens = conversation_->tokens(),
                        .note = note,
                        .pieces = conversation_->pieces(engine_->cut_)};
    if (!cells.tokens.empty() && !cells.shifting && engine_->kv_.bring_in(cells)) {
        engine_->kv_.let_go(cells);
        if (auto saved = engine_->kv_.save(cells)) {
            content.state = *std::move(saved);
        }
    }
    return write_session_file(file, content);
}

Result<Session::Loaded> Session::load_from(
    const std::filesystem::path& file,
    const std::function<Result<void>(const std::string& note)>& takes_note) {
    HEXCORE_CHECK(idle(), "the session", "is being asked");
    HEXCORE_TRY(read, read_session_file(file, StateIdentity::of(engine_->model()),
                                        engine_->model().machine().host()));
    KvManager& kv = engine_->kv_;
    const std::uint32_t most = conversation_->cells().most;
    if (read.tokens.size() > most + std::size_t{1}) {
        const std::uint64_t enough =
            (read.tokens.size() + 1) * engine_->model().plan().context.sequences;
        return fail(ErrorCode::usage, {{.change = Change::raise_context, .count = enough}},
                    "{}: the saved session has {} tokens and the context has room for {}",
                    file.string(), read.tokens.size(), most);
    }
    const std::uint32_t n_vocab = engine_->tokenizer_.vocabulary_size();
    for (const Token token : read.tokens) {
        if (token < 0 || static_cast<std::uint32_t>(token) >= n_vocab) {
            return fail(ErrorCode::bad_input,
                        "{}: the saved session has the token {}, which is none of the model's {}",
                        file.string(), token, n_vocab);
        }
    }
    if (takes_note) {
        HEXCORE_TRY_VOID(takes_note(read.note));
    }
    SessionCells& cells = conversation_->cells();
    kv.clear(cells);
    Loaded loaded{std::move(read.note), std::move(read.state_problem)};
    if (loaded.problem.empty() && !read.tokens.empty()) {
        if (read.state.bytes.empty()) {
            loaded.problem = "it has the tokens alone";
        } else if (!kv.bring_in(cells)) {
            loaded.problem = "all sequences of the context are busy";
        } else {
            kv.let_go(cells);
            if (!kv.restore(cells, read.state.tokens, read.state.bytes)) {
                loaded.problem = "this context does not take what it holds of the cache";
            }
        }
    }
    conversation_->set_tokens(std::move(read.tokens), std::move(read.pieces), engine_->cut_);
    return loaded;
}

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
    end_cancelled(stop);
    admit();
    compute_prompt(stop);
    compute_answers(stop);
    computing_ = false;
    tell_ends();
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
        compute({&prompts.front(), 1}, stop);
    }
}

void Engine::compute_answers(const std::atomic<bool>* stop) {
    const std::vector<Conversation*> answers = those_in(asked_, State::generating);
    if (kv_.abilities().forget == Forgetting::all_or_none) {
        stop = nullptr;  // a token that was computed by half would cost all of them
    }
    if (options_.equality == Equality::exact) {
        for (Conversation* const& conversation : answers) {
            compute({&conversation, 1}, stop);
        }
    } else if (!answers.empty()) {
        compute(answers, stop);
    }
}

void Engine::compute(std::span<Conversation* const> together, const std::atomic<bool>* stop) {
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
    auto decoded = decoder_.decode(parts, stop);
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
            compute({&conversation, 1}, stop);
        }
        return;
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
    const auto ended = conversation.take(*logits, tokenizer_);
    if (!ended) {
        fail_one(conversation, ended.error());
    } else if (*ended) {
        end(conversation, conversation.reason());
    }
}

void Engine::end(Conversation& conversation, StopReason reason) {
    auto tell = conversation.take_on_end();
    ends_.push_back({std::move(tell), conversation.end(reason, kv_)});
    std::erase(asked_, &conversation);
}

void Engine::fail_one(Conversation& conversation, Error error) {
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

}  // namespace hexcore
