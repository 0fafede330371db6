#include "hexcore/serve/served_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "hexcore/session/describe_run.hpp"

namespace hexcore {
namespace {

/// With a seed choices are to differ, too, and all to be repeatable: no seed becomes the one that
/// means another each time.
std::uint32_t seed_of_choice(std::uint32_t seed, std::uint32_t index) {
    constexpr std::uint32_t another_each_time = SamplingOptions{}.seed;
    return seed == another_each_time
               ? seed
               : static_cast<std::uint32_t>((std::uint64_t{seed} + index) % another_each_time);
}

Error interrupted() { return {ErrorCode::interrupted, "the server ends"}; }

std::size_t answers_most(const LoadedModel& model, const ServedModelOptions& options) {
    const std::size_t sequences = model.plan().context.sequences;
    return std::min(options.sessions, sequences + options.queue);
}

/// A question may have a session for each of its experts, one to be read in, and one of the base
/// model: so many that none of those that are under way is left without.
AssistantEnginesOptions engines_for(const LoadedModel& model, const ServedModelOptions& options) {
    return {.engine = options.engine,
            .session = options.session,
            .sessions = options.sessions * (model.plan().context.sequences + 2),
            .resident = options.resident};
}

}  // namespace

Result<std::unique_ptr<ServedModel>> ServedModel::make(LoadedModel& model,
                                                       const ServedModelOptions& options,
                                                       Metrics& metrics,
                                                       std::optional<OfferedAssistant> assistant) {
    HEXCORE_TRY_VOID(Engine::check(options.session, model));
    HEXCORE_TRY(chat_template, options.chat_template.empty()
                                   ? ChatTemplate::of(model.model())
                                   : ChatTemplate::of(model.model(), options.chat_template));
    auto served = std::unique_ptr<ServedModel>(
        new ServedModel(model, options, std::move(chat_template), metrics));
    HEXCORE_TRY_VOID(served->start(std::move(assistant)));
    return served;
}

ServedModel::ServedModel(LoadedModel& model, const ServedModelOptions& options,
                         ChatTemplate chat_template, Metrics& metrics)
    : model_(model),
      options_(options),
      template_(std::move(chat_template)),
      metrics_(metrics),
      tokenizer_(model),
      answers_most_(answers_most(model, options)),
      engines_(model, engines_for(model, options)) {}

Result<void> ServedModel::start(std::optional<OfferedAssistant> assistant) {
    HEXCORE_TRY(base, engines_.engine_for(model_.adapters()));
    base_ = base;
    pool_.emplace(*base_, options_.sessions, options_.session);
    pool_->on_forgotten = [this](const std::string& name) { talks_.forget(name); };
    if (assistant) {
        HEXCORE_TRY(stays, base_->open(options_.session));
        base_stays_.emplace(std::move(stays));
        if (assistant->assistant.description().experts.size() > 1) {
            HEXCORE_TRY(router,
                        assistant->router(assistant->assistant.description(), *base_, template_));
            assistant->assistant.set_router(std::move(router));
        }
        assistant_.emplace(*std::move(assistant), engines_, template_, metrics_);
    }
    thread_.emplace([this] {
        engines_.let_in();
        return engines_.engines();
    });
    return {};
}

ServedModel::~ServedModel() {
    if (thread_) {
        end_now();  // what it calls uses all the others
    }
    thread_.reset();
    assistant_.reset();
    pool_.reset();
    base_stays_.reset();
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

Asked<void> ServedModel::check_count(std::size_t prompts, std::uint32_t choices) const {
    if (prompts * choices > answers_most_) {
        return tl::unexpected(
            wrong_field(prompts > 1 ? "prompt" : "n",
                        fmt::format("{} answers were asked for, and there can be {}",
                                    prompts * choices, answers_most_)));
    }
    return {};
}

Asked<std::shared_ptr<Exchange>> ServedModel::ask(std::vector<Request> prompts,
                                                  std::uint32_t choices, std::string name) {
    HEXCORE_TRY_VOID(check_count(prompts.size(), choices));
    const std::size_t count = prompts.size() * choices;
    // Shared, since what the engine does for a client may outlast it.
    auto exchange = std::make_shared<Exchange>();
    exchange->engines.asked.resize(count);
    // Shared, since what is posted must be copyable.
    const auto asked = std::make_shared<std::vector<Request>>(std::move(prompts));
    HEXCORE_TRY_VOID(post(count, [this, exchange, asked, choices, name = std::move(name)] {
        Choices next{exchange, 0, choices, name};
        for (Request& request : *asked) {
            ask_choices(next, std::move(request));
            next.first += choices;
        }
    }));
    return exchange;
}

Asked<void> ServedModel::post(std::size_t answers, std::function<void()> work) {
    if (!enter(answers)) {
        const double each = metrics_.seconds_each();
        return tl::unexpected(
            too_many(fmt::format("{} answers wait or are being given, and there can be no more",
                                 answers_most_),
                     static_cast<std::uint32_t>(std::clamp(std::ceil(each), 1.0, 60.0))));
    }
    if (!thread_->post(std::move(work))) {
        answers_ -= answers;
        return tl::unexpected(unavailable("the server ends", "shutting_down"));
    }
    return {};
}

Asked<std::shared_ptr<Exchange>> ServedModel::ask(AssistantQuestion question) {
    HEXCORE_CHECK(assistant_.has_value(), question.text, "is for nobody");
    // Shared, since what the engines do for a client may outlast it.
    auto exchange = std::make_shared<Exchange>();
    // Shared, since what is posted must be copyable.
    const auto asked = std::make_shared<AssistantQuestion>(std::move(question));
    HEXCORE_TRY_VOID(post(1, [this, exchange, asked] {
        assistant_->ask(exchange, std::move(*asked), [this] { --answers_; });
    }));
    return exchange;
}

/// All but the first wait until that has something to say or ends: its prompt, which is theirs, is
/// in the cache by then, and nothing of it is kept for them before.
void ServedModel::ask_choices(const Choices& choices, Request request) {
    if (choices.count == 1) {
        return ask_one(choices, 0, std::move(request));
    }
    Request first = request;
    // Shared by the two calls of which either may come first.
    const auto waiting = std::make_shared<std::optional<Request>>(std::move(request));
    const auto ask_others = [this, choices, waiting](const Error* why_not) {
        if (!*waiting) {
            return;
        }
        const auto others = std::make_shared<const Request>(*std::exchange(*waiting, {}));
        // Between turns, like every question.
        const bool posted = why_not == nullptr && thread_->post([this, choices, others] {
            for (std::uint32_t i = 1; i < choices.count; ++i) {
                ask_one(choices, i, *others);
            }
        });
        for (std::uint32_t i = 1; !posted && i < choices.count; ++i) {
            end_one(*choices.exchange, choices.first + i,
                    tl::unexpected(why_not == nullptr ? interrupted() : *why_not));
        }
    };
    first.on_piece = [ask_others](const AnswerPiece&) { ask_others(nullptr); };
    first.on_end = [ask_others](const Result<Answer>& answer) {
        ask_others(answer ? nullptr : &answer.error());
    };
    ask_one(choices, 0, std::move(first));
}

/// The request's own calls come before the exchange is told.
void ServedModel::ask_one(const Choices& choices, std::uint32_t index, Request request) {
    const std::shared_ptr<Exchange> exchange = choices.exchange;
    const std::uint32_t choice = choices.first + index;
    request.on_piece = [exchange, choice, chances = request.chances.has_value(),
                        before = request.on_piece](const AnswerPiece& piece) {
        if (before) {
            before(piece);
        }
        Exchange::Piece copy{choice, std::string(piece.text), {}};
        if (chances) {
            copy.tokens.assign(piece.tokens.begin(), piece.tokens.end());
        }
        exchange->put(std::move(copy));
    };
    request.on_end = [this, exchange, choice, before = request.on_end](Result<Answer> answer) {
        if (before) {
            before(answer);
        }
        end_one(*exchange, choice, std::move(answer));
    };
    if (exchange->engines.cancelled) {
        request.on_end(tl::unexpected(interrupted()));
        return;
    }
    request.sampling.seed = seed_of_choice(request.sampling.seed, index);
    Session* session =
        choices.name.empty() ? pool_->for_prompt(request) : pool_->named(choices.name).session;
    // Fewer answer than sessions are kept, and who is in a named one keeps others out.
    HEXCORE_CHECK(session != nullptr && session->idle(), answers_.load(), pool_->size());
    exchange->engines.asked[choice] = session;
    session->ask(std::move(request));
}

void ServedModel::end_one(Exchange& exchange, std::uint32_t choice, Result<Answer> answer) {
    exchange.engines.asked[choice] = nullptr;
    --answers_;
    if (answer) {
        metrics_.count_answer(*answer);
    }
    exchange.put(Exchange::End{choice, std::move(answer)});
}

void ServedModel::cancel(const std::shared_ptr<Exchange>& exchange) {
    // False: the thread ends, and the answers with it.
    (void)thread_->post([this, exchange] {
        exchange->engines.cancelled = true;
        for (Session* session : exchange->engines.asked) {
            if (session != nullptr) {
                session->cancel();
            }
        }
        if (assistant_) {
            assistant_->cancel(*exchange);
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
    // A turn may take long, and who asks for metrics gives up at some time.
    constexpr std::chrono::milliseconds at_most{250};
    Metrics::Now now{.loaded = true, .engine = thread_->state(at_most)};
    if (auto devices = describe_devices(model_)) {
        now.devices = *std::move(devices);
    }
    if (assistant_) {
        now.experts = assistant_->experts();
    }
    return metrics_.text(now);
}

}  // namespace hexcore
