// The one file that knows llama.cpp's common: its headers name types and functions without a
// namespace, and its functions throw. Everything of it runs within run_guarded().
#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "chat.h"
#include "hexcore/base/bytes.hpp"
#include "hexcore/base/printable.hpp"
#include "hexcore/chat/chat_template.hpp"
#include "hexcore/chat/guarded_run.hpp"
#include "hexcore/chat/request_check.hpp"
#include "json-schema-to-grammar.h"

namespace hexcore {
namespace {

// For what is no template: it makes some values of its own, as many as it has bytes.
constexpr std::uint64_t values_of_others = 1'000'000'000;

}  // namespace

struct AnswerSyntax {
    common_chat_parser_params parameters;
};

struct ChatTemplate::State {
    common_chat_templates_ptr templates;
    const llama_vocab* vocab = nullptr;
    std::string text;
    bool knows_tools = false;
    std::mutex one_at_a_time;  // common asks std::localtime() for the day

    static Result<ChatTemplate> make(const llama_model* model, const std::string& text,
                                     const std::string& bos, const std::string& eos);
    ~State() {
        // A syntax tree is taken apart as deeply as it is nested.
        if (run_guarded(values_of_others, [&] { templates.reset(); }).how ==
            GuardedEnd::How::no_thread) {
            (void)templates.release();
        }
    }
};

namespace {

using How = GuardedEnd::How;

// Four times the longest of those that llama.cpp brings for its tests.
constexpr std::size_t longest_template = std::size_t{64} << 10;
constexpr std::size_t deepest_answer = 2000;
constexpr std::size_t plain_answer = 50;  // no deeper than any stack allows

// What a template may make, some hundred times what those of llama.cpp's tests do. Some look at all
// messages for each.
constexpr std::uint64_t values_to_know_a_template = 4'000'000;
constexpr std::uint64_t values_for_each_message = 20'000;
constexpr std::uint64_t values_for_each_pair = 400;

/// Of the interpreter's paragraph the last sentence, which says what is wrong.
std::string reason(const GuardedEnd& end) {
    constexpr std::string_view mark = "Error: ";
    std::string_view text = end.what;
    if (const std::size_t at = text.rfind(mark); at != std::string_view::npos) {
        text = text.substr(at + mark.size());
    }
    while (!text.empty() && (text.back() == '\n' || text.back() == '.')) {
        text.remove_suffix(1);
    }
    return shortened(printable(text), 300);
}

Error refused_thread(std::string_view purpose) {
    return {ErrorCode::does_not_fit,
            fmt::format("the system refuses a thread with a stack of {} to {} in",
                        to_string(Bytes(guarded_stack_bytes)), purpose),
            {{.change = Change::raise_limit, .value = "ulimit -v, ulimit -d, ulimit -u"}}};
}

/// What of a run is not about the request, if anything.
std::optional<Error> trouble_of_template(const GuardedEnd& end) {
    switch (end.how) {
        case How::no_thread:
            return refused_thread("apply the chat template");
        case How::too_much:
            return Error{ErrorCode::bad_input, "the model's chat template comes to no end"};
        case How::too_deep:
            return Error{ErrorCode::bad_input,
                         "the model's chat template calls itself without an end"};
        case How::done:
        case How::threw:
            break;
    }
    return std::nullopt;
}

common_chat_msg to_common(const ChatMessage& message) {
    common_chat_msg converted;
    converted.role = message.role;
    converted.content = message.content;
    converted.reasoning_content = message.reasoning;
    converted.tool_name = message.name;
    converted.tool_call_id = message.tool_call_id;
    for (const ChatToolCall& call : message.tool_calls) {
        converted.tool_calls.push_back(
            {call.name, call.arguments.empty() ? "{}" : call.arguments, call.id});
    }
    return converted;
}

common_chat_tool_choice to_common(ToolChoice choice) {
    switch (choice) {
        case ToolChoice::required:
            return COMMON_CHAT_TOOL_CHOICE_REQUIRED;
        case ToolChoice::none:
            return COMMON_CHAT_TOOL_CHOICE_NONE;
        case ToolChoice::automatic:
            break;
    }
    return COMMON_CHAT_TOOL_CHOICE_AUTO;
}

common_chat_templates_inputs to_common(const ChatRequest& request) {
    common_chat_templates_inputs inputs;
    for (const ChatMessage& message : request.messages) {
        inputs.messages.push_back(to_common(message));
    }
    for (const ChatTool& tool : request.tools) {
        inputs.tools.push_back(
            {tool.name, tool.description, tool.parameters.empty() ? "{}" : tool.parameters});
    }
    inputs.tool_choice = to_common(request.tool_choice);
    inputs.parallel_tool_calls = request.parallel_tool_calls;
    inputs.json_schema = request.json_schema == "{}" ? R"({"type":"object"})" : request.json_schema;
    inputs.grammar = request.tools.empty() ? request.grammar : "";
    inputs.add_generation_prompt = request.turn == Turn::assistant;
    inputs.enable_thinking = request.thinking;
    inputs.reasoning_format = request.thoughts == Thoughts::apart ? COMMON_REASONING_FORMAT_DEEPSEEK
                                                                  : COMMON_REASONING_FORMAT_NONE;
    inputs.chat_template_kwargs = request.variables;
    return inputs;
}

/// The token that the text is as a whole, if it is one.
std::optional<std::int32_t> as_one_token(const llama_vocab* vocab, const std::string& text) {
    std::int32_t token = 0;
    constexpr std::size_t longest = 256;  // no token has more, and common names its own with few
    if (vocab == nullptr || text.size() > longest ||
        llama_tokenize(vocab, text.data(), static_cast<int>(text.size()), &token, 1, false, true) !=
            1) {
        return std::nullopt;
    }
    return token;
}

std::string escaped(const std::string& word) {
    std::string pattern;
    for (const char byte : word) {
        if (std::string_view(".^$|()*+?[]{}\\").find(byte) != std::string_view::npos) {
            pattern += '\\';
        }
        pattern += byte;
    }
    return pattern;
}

GrammarTriggers from_common(const std::vector<common_grammar_trigger>& triggers,
                            const llama_vocab* vocab) {
    GrammarTriggers found;
    for (const common_grammar_trigger& trigger : triggers) {
        switch (trigger.type) {
            case COMMON_GRAMMAR_TRIGGER_TYPE_TOKEN:
                found.tokens.push_back(trigger.token);
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_WORD:
                if (const auto token = as_one_token(vocab, trigger.value)) {
                    found.tokens.push_back(*token);
                } else {
                    found.patterns.push_back(escaped(trigger.value));
                }
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN:
                found.patterns.push_back(trigger.value);
                break;
            case COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL:
                found.patterns.push_back("^(?:" + trigger.value + ")$");
                break;
        }
    }
    return found;
}

ChatPrompt from_common(common_chat_params&& applied, const ChatRequest& request,
                       const llama_vocab* vocab) {
    ChatPrompt prompt;
    auto syntax = std::make_shared<AnswerSyntax>();
    syntax->parameters = common_chat_parser_params(applied);
    syntax->parameters.reasoning_format = request.thoughts == Thoughts::apart
                                              ? COMMON_REASONING_FORMAT_DEEPSEEK
                                              : COMMON_REASONING_FORMAT_NONE;
    syntax->parameters.parse_tool_calls =
        !request.tools.empty() && request.tool_choice != ToolChoice::none;
    if (!applied.parser.empty()) {
        syntax->parameters.parser.load(applied.parser);
    }
    prompt.syntax = std::move(syntax);
    prompt.text = std::move(applied.prompt);
    prompt.answer_start = std::move(applied.generation_prompt);
    prompt.grammar_has_answer_start = !applied.grammar.empty() && !applied.grammar_lazy;
    prompt.grammar = applied.grammar.empty() ? request.grammar : applied.grammar;
    prompt.grammar_lazy = applied.grammar_lazy;
    prompt.triggers = from_common(applied.grammar_triggers, vocab);
    prompt.stops = std::move(applied.additional_stops);
    for (const std::string& text : applied.preserved_tokens) {
        if (const auto token = as_one_token(vocab, text)) {
            prompt.shown_tokens.push_back(*token);
        }
    }
    prompt.can_think = applied.supports_thinking;
    prompt.thinking_start = std::move(applied.thinking_start_tag);
    prompt.thinking_ends = std::move(applied.thinking_end_tags);
    return prompt;
}

ChatMessage from_common(common_chat_msg&& message) {
    ChatMessage read;
    read.role = "assistant";
    read.content = message.render_content();
    read.reasoning = std::move(message.reasoning_content);
    for (common_chat_tool_call& call : message.tool_calls) {
        read.tool_calls.push_back(
            {std::move(call.id), std::move(call.name), std::move(call.arguments)});
    }
    return read;
}

Result<void> check_template(std::string_view text) {
    if (text.empty()) {
        return fail(ErrorCode::bad_input, "the chat template is empty");
    }
    if (text.size() > longest_template) {
        return fail(ErrorCode::bad_input,
                    "the model's chat template has {} bytes; up to {} are taken", text.size(),
                    longest_template);
    }
    return {};
}

/// Why common_chat_templates_init() threw; what it throws itself is std::exception, without a word.
std::string reason_of_text(const std::string& text, const GuardedEnd& end) {
    const GuardedEnd again =
        run_guarded(values_to_know_a_template, [&] { common_chat_template(text, "", ""); });
    return reason(again.how == How::threw ? again : end);
}

/// The shortest conversations: a template that takes neither is of no use.
std::vector<ChatRequest> first_questions() {
    const ChatMessage user{.role = "user", .content = "Hello"};
    const ChatMessage system{.role = "system", .content = "Be brief."};
    return {{.messages = {user}}, {.messages = {system, user}}};
}

}  // namespace

ChatTemplate::ChatTemplate(std::unique_ptr<State> state) : state_(std::move(state)) {}
ChatTemplate::ChatTemplate(ChatTemplate&& other) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&& other) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

bool ChatTemplate::is_own() const {
    return common_chat_templates_was_explicit(state_->templates.get());
}

bool ChatTemplate::knows_tools() const { return state_->knows_tools; }

const std::string& ChatTemplate::text() const { return state_->text; }

Result<ChatTemplate> ChatTemplate::of(const llama_model& model) {
    for (const char* name : {static_cast<const char*>(nullptr), "tool_use"}) {
        const char* text = llama_model_chat_template(&model, name);
        if (text != nullptr && *text != '\0') {
            HEXCORE_TRY_VOID(check_template(text));
        }
    }
    return State::make(&model, {}, {}, {});
}

Result<ChatTemplate> ChatTemplate::of(const llama_model& model, std::string_view text) {
    HEXCORE_TRY_VOID(check_template(text));
    return State::make(&model, std::string(text), {}, {});
}

Result<ChatTemplate> ChatTemplate::from_text(std::string_view text, const std::string& bos,
                                             const std::string& eos) {
    HEXCORE_TRY_VOID(check_template(text));
    return State::make(nullptr, std::string(text), bos, eos);
}

Result<ChatTemplate> ChatTemplate::State::make(const llama_model* model, const std::string& text,
                                               const std::string& bos, const std::string& eos) {
    auto state = std::make_unique<State>();
    state->vocab = model == nullptr ? nullptr : llama_model_get_vocab(model);
    const GuardedEnd end = run_guarded(values_to_know_a_template, [&] {
        state->templates = common_chat_templates_init(model, text, bos, eos);
        state->text = common_chat_templates_source(state->templates.get());
        const auto abilities = common_chat_templates_get_caps(state->templates.get());
        const auto tools = abilities.find("supports_tools");
        state->knows_tools = tools != abilities.end() && tools->second;
    });
    if (auto error = trouble_of_template(end)) {
        return tl::unexpected(std::move(*error));
    }
    if (end.how == How::threw) {
        const char* own = text.empty() ? llama_model_chat_template(model, nullptr) : text.c_str();
        return fail(ErrorCode::bad_input, "the model's chat template cannot be read: {}",
                    reason_of_text(own == nullptr ? "" : own, end));
    }
    ChatTemplate made(std::move(state));
    Error refusal{ErrorCode::bad_input, ""};
    for (const ChatRequest& question : first_questions()) {
        auto prompt = made.apply(question);
        if (prompt) {
            return made;
        }
        refusal.message = std::move(prompt.error().message);
        if (prompt.error().code != ErrorCode::usage) {
            refusal.code = prompt.error().code;
            break;
        }
    }
    return tl::unexpected(std::move(refusal));
}

Result<ChatPrompt> ChatTemplate::apply(const ChatRequest& request) const {
    HEXCORE_TRY_VOID(check_request(request));
    ChatPrompt prompt;
    const std::uint64_t messages = request.messages.size();
    const std::uint64_t values = values_to_know_a_template + values_for_each_message * messages +
                                 values_for_each_pair * messages * messages;
    const std::lock_guard<std::mutex> lock(state_->one_at_a_time);
    const GuardedEnd end = run_guarded(values, [&] {
        prompt =
            from_common(common_chat_templates_apply(state_->templates.get(), to_common(request)),
                        request, state_->vocab);
    });
    if (auto error = trouble_of_template(end)) {
        return tl::unexpected(std::move(*error));
    }
    if (end.how == How::threw) {
        return fail(ErrorCode::usage,
                    "the model's chat template does not take the conversation: {}", reason(end));
    }
    return prompt;
}

Result<ChatMessage> read_answer(const ChatPrompt& prompt, std::string_view text, AnswerEnd end) {
    static const AnswerSyntax plain;
    const std::size_t depth = bracket_depth(text);
    if (depth > deepest_answer) {
        return fail(ErrorCode::negative,
                    "the model's answer is nested {} levels deep; up to {} are read", depth,
                    deepest_answer);
    }
    ChatMessage message;
    const auto read = [&] {
        message =
            from_common(common_chat_parse(std::string(text), end == AnswerEnd::open,
                                          (prompt.syntax ? *prompt.syntax : plain).parameters));
    };
    const GuardedEnd ended =
        depth > plain_answer ? run_guarded(values_of_others, read) : run_caught(read);
    if (ended.how == How::no_thread) {
        return tl::unexpected(refused_thread("read the answer"));
    }
    if (ended.how != How::done) {
        return fail(ErrorCode::negative,
                    "the model's answer is not as its chat template asks for: {}", reason(ended));
    }
    return message;
}

Result<std::string> grammar_of_schema(std::string_view json_schema) {
    HEXCORE_TRY_VOID(check_schemas({{json_schema, JsonKind::any, "the JSON schema"}}));
    std::string grammar;
    const GuardedEnd end = run_guarded(values_of_others, [&] {
        grammar = json_schema_to_grammar(common_json::parse(std::string(json_schema)), true);
    });
    if (end.how == How::no_thread) {
        return tl::unexpected(refused_thread("read the schema"));
    }
    if (end.how != How::done) {
        return fail(ErrorCode::usage, "the JSON schema cannot be made a grammar: {}", reason(end));
    }
    return grammar;
}

}  // namespace hexcore
