#include "hexcore/serve/served_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <future>
#include <utility>

#include "hexcore/session/describe_run.hpp"

namespace hexcore {
namespace {

Error interrupted() { return {ErrorCode::interrupted, "the server ends"}; }

std::size_t answers_most(const LoadedModel& model, const ServedModelOptions& options) {
    const std::size_t sequences = model.plan().context.sequences;
    return std::min(options.sessions, sequences + options.queue);
}

}  // namespace

Result<std::unique_ptr<ServedModel>> ServedModel::make(LoadedModel& model,
                                                       const ServedModelOptions& options,
                                                       Metrics& metrics) {
    HEXCORE_TRY(chat_template, options.chat_template.empty()
                                   ? ChatTemplate::of(model.model())
                                   : ChatTemplate::of(model.model(), options.chat_template));
    return std::unique_ptr<ServedModel>(
        new ServedModel(model, options, std::move(chat_template), metrics));
}

ServedModel::ServedModel(LoadedModel& model, const ServedModelOptions& options,
                         ChatTemplate chat_template, Metrics& metrics)
    : model_(model),
      options_(options),
      template_(std::move(chat_template)),
      metrics_(metrics),
      tokenizer_(model),
      answers_most_(answers_most(model, options)),
      engine_(model, options.engine) {
    pool_.emplace(engine_, options.sessions);
    pool_->on_forgotten = [this](const std::string& name) { talks_.forget(name); };
    thread_.emplace(engine_);
}

ServedModel::~ServedModel() {
    end_now();  // what it calls uses all the others
    thread_.reset();
    pool_.reset();
}

bool ServedModel::enter(std::size_t answers) {
    std::size_t now = answers_.load();
    while (now + answers <= answers_most_) {
        if (answers_.compare_exchange_weak(now, now + answers)) {
            return true;
        }
    }
    return false;
}

Asked<std::shared_ptr<Exchange>> ServedModel::ask(std::vector<Request> requests, Prompts prompts,
                                                  std::string name) {
    const auto count = static_cast<std::uint32_t>(requests.size());
    if (count > answers_most_) {
        return tl::unexpected(wrong_field(
            "n",
            fmt::format("{} answers were asked for, and there can be {}", count, answers_most_)));
    }
    if (!enter(count)) {
        const double each = metrics_.seconds_each();
        return tl::unexpected(
            too_many(fmt::format("{} answers wait or are being given, and there can be no more",
                                 answers_most_),
                     static_cast<std::uint32_t>(std::clamp(std::ceil(each), 1.0, 60.0))));
    }
    // Shared, since what the engine does for a client may outlast it.
    auto exchange = std::make_shared<Exchange>();
    exchange->engines.asked.resize(count);
    for (std::uint32_t choice = 0; choice < count; ++choice) {
        tell(exchange, choice, requests[choice]);
    }
    if (prompts == Prompts::share && count > 1) {
        put_off(exchange, requests);
    }
    const bool posted = thread_->post(
        [this, exchange, asked = std::move(requests), name = std::move(name)](Engine&) {
            for (std::uint32_t i = 0; i < asked.size(); ++i) {
                ask_one(exchange, i, asked[i], name);
            }
        });
    if (!posted) {
        answers_ -= count;
        return tl::unexpected(unavailable("the server ends", "shutting_down"));
    }
    return exchange;
}

/// What comes of a choice goes to the exchange.
void ServedModel::tell(const std::shared_ptr<Exchange>& exchange, std::uint32_t choice,
                       Request& request) {
    request.on_piece = [exchange, choice,
                        chances = request.chances.has_value()](const AnswerPiece& piece) {
        Exchange::Piece copy{choice, std::string(piece.text), {}};
        if (chances) {
            copy.tokens.assign(piece.tokens.begin(), piece.tokens.end());
        }
        exchange->put(std::move(copy));
    };
    request.on_end = [this, exchange, choice](Result<Answer> answer) {
        exchange->engines.asked[choice] = nullptr;
        --answers_;
        if (answer) {
            metrics_.count_answer(*answer);
        }
        exchange->put(Exchange::End{choice, std::move(answer)});
    };
}

/// Takes all but the first out of the requests. They are asked once that one has something to say
/// or ends: its prompt, which is theirs, is in the cache by then.
void ServedModel::put_off(const std::shared_ptr<Exchange>& exchange,
                          std::vector<Request>& requests) {
    // Shared by the two calls of which either may come first.
    const auto later = std::make_shared<std::vector<Request>>(
        std::make_move_iterator(requests.begin() + 1), std::make_move_iterator(requests.end()));
    requests.resize(1);
    const auto ask_later = [this, exchange, later] {
        if (later->empty()) {
            return;
        }
        const auto now = std::exchange(*later, {});
        // Between turns, like every question.
        const bool posted = thread_->post([this, exchange, now](Engine&) {
            for (std::uint32_t i = 0; i < now.size(); ++i) {
                ask_one(exchange, i + 1, now[i], {});
            }
        });
        for (std::size_t i = 0; !posted && i < now.size(); ++i) {
            now[i].on_end(tl::unexpected(interrupted()));
        }
    };
    Request& first = requests.front();
    first.on_piece = [ask_later, tell_piece = first.on_piece](const AnswerPiece& piece) {
        ask_later();
        tell_piece(piece);
    };
    first.on_end = [ask_later, tell_end = first.on_end](Result<Answer> answer) {
        ask_later();
        tell_end(std::move(answer));
    };
}

void ServedModel::ask_one(const std::shared_ptr<Exchange>& exchange, std::uint32_t choice,
                          Request request, const std::string& name) {
    if (exchange->engines.cancelled) {
        request.on_end(tl::unexpected(interrupted()));
        return;
    }
    Session* session = nullptr;
    if (name.empty()) {
        session = pool_->for_prompt(request.tokens);
    } else {
        session = pool_->named(name).session;
    }
    // Fewer answer than sessions are kept, and who is in a named one keeps others out.
    HEXCORE_CHECK(session != nullptr && session->idle(), answers_.load(), pool_->size());
    exchange->engines.asked[choice] = session;
    session->ask(std::move(request));
}

void ServedModel::cancel(const std::shared_ptr<Exchange>& exchange) {
    // False: the thread ends, and the answers with it.
    (void)thread_->post([exchange](Engine&) {
        exchange->engines.cancelled = true;
        for (Session* session : exchange->engines.asked) {
            if (session != nullptr) {
                session->cancel();
            }
        }
    });
}

std::uint32_t ServedModel::shared_tokens(const ChatRequest& chat,
                                         const std::vector<Token>& tokens) const {
    ChatRequest other = chat;
    const auto is_system = [](const ChatMessage& message) {
        return message.role == "system" || message.role == "developer";
    };
    const auto first_said = std::ranges::find_if_not(chat.messages, is_system);
    if (first_said == chat.messages.begin() && chat.tools.empty()) {
        return 0;
    }
    // What two conversations have in common that differ from their first question on.
    std::vector<Token> beginnings[2];
    for (std::size_t i = 0; i < 2; ++i) {
        other.messages.assign(chat.messages.begin(), first_said);
        other.messages.push_back({.role = "user", .content = i == 0 ? "a" : "?"});
        const auto prompt = template_.apply(other);
        auto of_text = prompt ? tokenizer_.tokenize(prompt->text, TextPlace::start)
                              : Result<std::vector<Token>>();
        if (!prompt || !of_text) {
            return 0;
        }
        beginnings[i] = *std::move(of_text);
    }
    const auto common = [](const std::vector<Token>& a, const std::vector<Token>& b) {
        return static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
    };
    const std::size_t shared = common(beginnings[0], beginnings[1]);
    beginnings[0].resize(shared);
    // A first question may melt with the last of these tokens; then they are not the same.
    const bool begins = common(beginnings[0], tokens) == shared && shared < tokens.size();
    return begins ? static_cast<std::uint32_t>(shared) : 0;
}

std::string ServedModel::metrics_text() {
    Metrics::Now now;
    // Shared: the engine may come to it when nobody waits any more.
    const auto asked = std::make_shared<std::promise<Metrics::Now>>();
    auto answer = asked->get_future();
    const bool posted = thread_->post([asked](Engine& engine) {
        asked->set_value({.loaded = true,
                          .waiting = engine.waiting(),
                          .answering = engine.answering(),
                          .cache = engine.stats()});
    });
    // A turn may take long, and who asks for metrics gives up at some time.
    constexpr std::chrono::seconds at_most{5};
    if (posted && answer.wait_for(at_most) == std::future_status::ready) {
        now = answer.get();
        if (auto devices = describe_devices(model_)) {
            now.devices = *std::move(devices);
        }
    }
    return metrics_.text(now);
}

}  // namespace hexcore
