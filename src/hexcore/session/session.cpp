#include <algorithm>
#include <utility>

#include "hexcore/backend/machine.hpp"
#include "hexcore/session/engine.hpp"

namespace hexcore {

using State = Conversation::State;

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

void Session::take(Token token) {
    HEXCORE_CHECK(!engine_->computing_, "a token", "is taken while others are computed");
    engine_->taken(*conversation_, conversation_->take_offered(token, engine_->tokenizer_));
}

Result<Token> Session::take_from(std::span<const float> logits) {
    HEXCORE_CHECK(!engine_->computing_, "a token", "is taken while others are computed");
    auto taken = conversation_->take_from(logits, engine_->tokenizer_);
    engine_->taken(*conversation_, taken);  // which may end the session
    return taken.map([](const Conversation::Taken& one) { return one.token; });
}

void Session::finish(StopReason reason) {
    HEXCORE_CHECK(!engine_->computing_ && !idle(), "an answer", "cannot be ended now");
    Engine& engine = *engine_;
    engine.end(*conversation_, reason);
    engine.tell_ends();
}

void Session::fail_answer(Error error) {
    HEXCORE_CHECK(!engine_->computing_ && !idle(), "an answer", "cannot be ended now");
    Engine& engine = *engine_;
    engine.fail_one(*conversation_, std::move(error));
    engine.tell_ends();
}

void Session::cancel() { conversation_->cancel(); }

bool Session::idle() const { return conversation_->state() == Conversation::State::idle; }

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

}  // namespace hexcore
