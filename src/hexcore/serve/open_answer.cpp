#include "hexcore/serve/open_answer.hpp"

#include <fmt/format.h>

#include <atomic>
#include <random>
#include <utility>

#include "hexcore/api/put_chat.hpp"
#include "hexcore/report/run_json.hpp"
#include "hexcore/serve/served_names.hpp"
#include "hexcore/serve/text_writer.hpp"
#include "hexcore/session/describe_run.hpp"

namespace hexcore {
namespace {

AnswerHead head_of(const ServedModel& model, const char* kind, const AskedAnswer& asked) {
    static std::atomic<std::uint64_t> count = 0;
    static const std::uint32_t server = std::random_device()();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return {.id = fmt::format("{}-{:08x}{:08x}", kind, server, ++count),
            .created = std::chrono::duration_cast<std::chrono::seconds>(now).count(),
            .model = model.model().plan().model_name,
            .counts = asked.include_usage};
}

ApiError of_field(const char* field, const Error& why) {
    ApiError error = of_engine(why);
    error.param = field;
    return error;
}

TokenText text_of_tokens(const ServedModel& model) {
    return [&model](Token token) { return model.tokenizer().piece(token, SpecialTokens::names); };
}

Asked<void> check_biases(const ServedModel& model, const Request& how) {
    const std::uint32_t n_vocab = model.tokenizer().vocabulary_size();
    for (const LogitBias& bias : how.biases) {
        if (static_cast<std::uint32_t>(bias.token) >= n_vocab) {
            return tl::unexpected(wrong_field(
                "logit_bias", fmt::format("logit_bias has the token {}, which is none of the "
                                          "model's {}",
                                          bias.token, n_vocab)));
        }
    }
    return {};
}

/// A template that tells the model of no tools would have it answer as if there were none.
Asked<void> check_knows_tools(const ServedModel& model, const ChatRequest& chat) {
    if (!chat.tools.empty() && chat.tool_choice != ToolChoice::none &&
        !model.chat_template().knows_tools()) {
        return tl::unexpected(wrong_field(
            "tools", "the model's chat template does not tell it of tools", "unsupported_field"));
    }
    return {};
}

/// To blame is what it would be taken without.
ApiError not_applied(const ServedModel& model, const ChatRequest& chat, const Error& why) {
    ChatRequest others = chat;
    others.tools.clear();
    others.tool_choice = ToolChoice::none;
    if (!chat.tools.empty() && model.chat_template().apply(others)) {
        return of_field("tools", why);
    }
    others.json_schema.clear();
    const bool schema = !chat.json_schema.empty() && model.chat_template().apply(others);
    return of_field(schema ? "response_format" : "messages", why);
}

/// The template took it, but its text is none for the tokenizer, or its grammar none for answers.
ApiError not_put(const ServedModel& model, const ChatRequest& chat, const ChatPrompt& prompt,
                 const Error& why) {
    if (prompt.grammar.empty() || !model.tokenizer().tokenize(prompt.text, TextPlace::start)) {
        return of_field("messages", why);
    }
    return of_field(chat.json_schema.empty() ? "tools" : "response_format", why);
}

/// What a text asks of its session, whose tokens are made here: the engine's thread has others to
/// serve.
Result<void> put_text(Request& request, std::string text, TextPlace place,
                      const Tokenizer& tokenizer) {
    request.text = std::move(text);
    request.tokens_place = place;
    HEXCORE_TRY(tokens, tokenizer.tokenize(request.text, place));
    request.tokens = std::move(tokens);
    return {};
}

}  // namespace

OpenAnswer::OpenAnswer(ServedModel& model, const AskedAnswer& asked)
    : model_(model),
      stream_(asked.stream),
      include_usage_(asked.include_usage),
      name_(asked.session_name),
      choices_each_(asked.choices) {}

OpenAnswer::~OpenAnswer() {
    if (exchange_ && !has_ended()) {
        model_.cancel(exchange_);
        // Nobody else may be in its session before it has ended.
        std::vector<Json> nobody_reads;
        while (entered_ && !has_ended()) {
            if (!advance(std::chrono::milliseconds(100), nobody_reads)) {
                break;
            }
        }
    }
    if (entered_) {
        model_.talks().leave(name_);
    }
}

Asked<NamedTalks::Said> OpenAnswer::enter(NamedTalks::Kind kind) {
    if (name_.empty()) {
        return {};
    }
    HEXCORE_TRY(said, model_.talks().enter(name_, kind));
    entered_ = true;
    return said;
}

Asked<std::unique_ptr<OpenAnswer>> OpenAnswer::chat(ServedModel& model, std::string_view body) {
    HEXCORE_TRY(asked, read_chat(body));
    HEXCORE_TRY(addressee,
                find_addressee(asked.answer.model, model.model().plan(), model.assistant()));
    if (addressee.is_assistant) {
        return of_assistant(model, std::move(asked), addressee.expert);
    }
    HEXCORE_TRY_VOID(check_for_model(asked));
    HEXCORE_TRY_VOID(model.check_count(1, asked.answer.choices));
    HEXCORE_TRY_VOID(check_biases(model, asked.answer.how));
    auto open = std::unique_ptr<OpenAnswer>(new OpenAnswer(model, asked.answer));
    HEXCORE_TRY(said, open->enter(NamedTalks::Kind::chat));
    said.messages.insert(said.messages.end(), asked.chat.messages.begin(),
                         asked.chat.messages.end());
    asked.chat.messages = std::move(said.messages);
    HEXCORE_TRY_VOID(check_knows_tools(model, asked.chat));
    auto prompt = model.chat_template().apply(asked.chat);
    if (!prompt) {
        return tl::unexpected(not_applied(model, asked.chat, prompt.error()));
    }
    Request request = std::move(asked.answer.how);
    if (const auto put = put_chat(request, *prompt, model.model()); !put) {
        return tl::unexpected(not_put(model, asked.chat, *prompt, put.error()));
    }
    request.all_or_nothing = !open->name_.empty();
    request.shared_tokens = model.shared_tokens(asked.chat, request.tokens);
    auto writer =
        std::make_unique<ChatWriter>(head_of(model, "chatcmpl", asked.answer), *std::move(prompt),
                                     asked.answer.choices, text_of_tokens(model));
    open->chat_ = writer.get();
    open->is_chat_ = true;
    open->writer_ = std::move(writer);
    open->said_ = std::move(asked.chat.messages);
    open->open_ = asked.answer.choices;
    std::vector<Request> requests;
    requests.push_back(std::move(request));
    HEXCORE_TRY(exchange, model.ask(std::move(requests), asked.answer.choices, open->name_));
    open->exchange_ = std::move(exchange);
    return open;
}

Asked<std::unique_ptr<OpenAnswer>> OpenAnswer::of_assistant(ServedModel& model, AskedChat asked,
                                                            std::optional<std::size_t> expert) {
    HEXCORE_TRY(dialogue, read_dialogue(asked));
    if (expert && asked.experts.count > 1) {
        return tl::unexpected(wrong_field(
            "experts", fmt::format("experts must be 1 where the model is one of them: {}",
                                   asked.answer.model)));
    }
    auto open = std::unique_ptr<OpenAnswer>(new OpenAnswer(model, asked.answer));
    AnswerHead head = head_of(model, "chatcmpl", asked.answer);
    head.model = asked.answer.model;
    // What comes of an assistant is content alone.
    open->writer_ =
        std::make_unique<ChatWriter>(std::move(head), ChatPrompt{}, 1, text_of_tokens(model));
    open->open_ = 1;
    open->is_chat_ = true;
    AskedAnswer& answer = asked.answer;
    HEXCORE_TRY(exchange,
                model.ask(AssistantQuestion{.text = std::move(dialogue.question),
                                            .history = std::move(dialogue.history),
                                            .instructions = std::move(dialogue.instructions),
                                            .expert = expert,
                                            .experts = asked.experts.count,
                                            .combine = asked.experts.combine,
                                            .strict = asked.experts.strict,
                                            .max_tokens = answer.how.max_tokens,
                                            .stops = std::move(answer.how.stops),
                                            .sampling = answer.how.sampling,
                                            .over_expert = asked.experts.sampling}));
    open->exchange_ = std::move(exchange);
    return open;
}

Asked<std::unique_ptr<OpenAnswer>> OpenAnswer::text(ServedModel& model, std::string_view body) {
    HEXCORE_TRY(asked, read_text(body));
    HEXCORE_TRY(addressee,
                find_addressee(asked.answer.model, model.model().plan(), model.assistant()));
    if (addressee.is_assistant) {
        return tl::unexpected(wrong_field(
            "model", fmt::format("{} answers questions and continues no texts: ask it for a chat "
                                 "completion",
                                 asked.answer.model)));
    }
    HEXCORE_TRY_VOID(model.check_count(asked.prompts.size(), asked.answer.choices));
    HEXCORE_TRY_VOID(check_biases(model, asked.answer.how));
    auto open = std::unique_ptr<OpenAnswer>(new OpenAnswer(model, asked.answer));
    HEXCORE_TRY(said, open->enter(NamedTalks::Kind::text));
    const TextPlace place = said.has_answer ? TextPlace::within : TextPlace::start;
    std::vector<Request> requests;
    for (auto& prompt : asked.prompts) {
        Request request = asked.answer.how;
        request.all_or_nothing = !open->name_.empty();
        request.kind = open->name_.empty() ? PromptKind::whole : PromptKind::behind;
        if (auto* tokens = std::get_if<std::vector<Token>>(&prompt)) {
            request.tokens = std::move(*tokens);
        } else if (const auto put = put_text(request, std::move(std::get<std::string>(prompt)),
                                             place, model.tokenizer());
                   !put) {
            return tl::unexpected(of_field("prompt", put.error()));
        }
        requests.push_back(std::move(request));
    }
    const auto count = static_cast<std::uint32_t>(requests.size()) * asked.answer.choices;
    open->writer_ = text_writer(head_of(model, "cmpl", asked.answer), count, text_of_tokens(model));
    open->open_ = count;
    HEXCORE_TRY(exchange, model.ask(std::move(requests), asked.answer.choices, open->name_));
    open->exchange_ = std::move(exchange);
    return open;
}

Asked<void> OpenAnswer::advance(std::chrono::milliseconds at_most, std::vector<Json>& chunks) {
    for (Exchange::Event& event : exchange_->take(at_most)) {
        if (const auto* piece = std::get_if<Exchange::Piece>(&event)) {
            writer_->piece(*piece, chunks);
            continue;
        }
        const auto& ended = std::get<Exchange::End>(event);
        --open_;
        if (!ended.answer) {
            return tl::unexpected(blamed(ended.answer.error()));
        }
        if (ended.answer->stop == StopReason::interrupted) {
            return tl::unexpected(
                unavailable("the server ends, before the answer did", "shutting_down"));
        }
        if (ended.refused) {
            return tl::unexpected(*ended.refused);
        }
        end(ended, chunks);
    }
    return {};
}

/// What the engine failed with, and for what field.
ApiError OpenAnswer::blamed(const Error& why) const {
    ApiError error = of_engine(why);
    if (error.status == 400) {
        const bool is_chat_too_long = is_chat_ && !error.code.empty();
        error.param = !is_chat_ ? "prompt" : is_chat_too_long ? "messages" : "";
    }
    return error;
}

void OpenAnswer::end(const Exchange::End& ended, std::vector<Json>& chunks) {
    const Answer& answer = *ended.answer;
    writer_->end(ended.choice, answer, chunks);
    if (ended.choice % choices_each_ == 0) {
        usage_.prompt_tokens += answer.prompt_tokens;
        usage_.cached_tokens += answer.reused_tokens;
    }
    usage_.completion_tokens += answer.generated_tokens;
    cache_ = answer.cache;
    facts_ = ended.facts;
    if (!has_ended()) {
        return;
    }
    if (entered_) {
        if (chat_ != nullptr) {
            said_.push_back(chat_->message());
        }
        model_.talks().leave(name_, std::move(said_));
        entered_ = false;
    }
    put_last(chunks);
}

OpenAnswer::Json OpenAnswer::hexcore_json() const {
    Json devices = Json::array();
    if (const auto described = describe_devices(model_.model())) {
        for (const RunDevice& device : *described) {
            devices.push_back(run_device_json(device));
        }
    }
    Json json = facts_.is_null() ? Json::object() : facts_;
    json["cache_stats"] = cache_stats_json(cache_);
    json["devices"] = std::move(devices);
    return json;
}

void OpenAnswer::put_last(std::vector<Json>& chunks) const {
    if (!stream_) {
        return;
    }
    if (include_usage_) {
        Json last = writer_->empty_chunk();
        last["usage"] = usage_.json();
        chunks.push_back(std::move(last));
    }
    chunks.back()["hexcore"] = hexcore_json();
}

OpenAnswer::Json OpenAnswer::whole() const {
    Json json = writer_->whole();
    json["usage"] = usage_.json();
    json["hexcore"] = hexcore_json();
    return json;
}

}  // namespace hexcore
