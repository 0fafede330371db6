#include "hexcore/api/put_chat.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hexcore {
namespace {

Result<void> put_prompt(Request& request, const ChatPrompt& prompt, std::vector<Token> tokens,
                        const LoadedModel& model) {
    HEXCORE_TRY(opening, Tokenizer(model).tokenize(prompt.answer_start, TextPlace::within));
    request.kind = PromptKind::whole;
    request.tokens = std::move(tokens);
    request.opening_tokens = static_cast<std::uint32_t>(opening.size());
    request.stops.insert(request.stops.end(), prompt.stops.begin(), prompt.stops.end());
    request.shown_tokens = prompt.shown_tokens;
    Grammar grammar = {.rules = prompt.grammar,
                       .lazy = prompt.grammar_lazy,
                       .trigger_patterns = prompt.triggers.patterns,
                       .trigger_tokens = prompt.triggers.tokens};
    if (prompt.grammar_has_answer_start) {
        grammar.start = std::move(opening);
    }
    HEXCORE_TRY(parsed, ParsedGrammar::make(model, grammar));
    request.grammar = std::move(parsed);
    return {};
}

/// Where in a prompt the text of a message is.
struct TextRange {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// What no message says.
std::string stand_in_for(const ChatRequest& chat) {
    std::string stand_in = "text";
    const auto says = [&stand_in](const ChatMessage& message) {
        return message.content.find(stand_in) != std::string::npos;
    };
    for (int number = 0; std::ranges::any_of(chat.messages, says); ++number) {
        stand_in = fmt::format("text{}text", number);
    }
    return stand_in;
}

/// The prompt with a mark in the message's place has the same around it.
Result<TextRange> range_of(std::size_t message, const std::string& prompt,
                           const ChatTemplate& chat_template, ChatRequest chat) {
    const std::string stand_in = stand_in_for(chat);
    chat.messages[message].content = stand_in;
    HEXCORE_TRY(marked, chat_template.apply(chat));
    // The template may well have words of its own that are like it; the right one is where all
    // before it and behind it is the same.
    for (std::size_t at = marked.text.find(stand_in); at != std::string::npos;
         at = marked.text.find(stand_in, at + 1)) {
        const std::string_view all = prompt;
        const std::string_view before = std::string_view(marked.text).substr(0, at);
        const std::string_view behind = std::string_view(marked.text).substr(at + stand_in.size());
        if (before.size() + behind.size() <= all.size() && all.starts_with(before) &&
            all.ends_with(behind)) {
            return TextRange{before.size(), all.size() - behind.size()};
        }
    }
    return fail(ErrorCode::usage,
                "a message has names of the model's special tokens in it, and the model's chat "
                "template makes something else of it because of that; leave them out");
}

/// Whether a text means something else where names of special tokens in it are these tokens.
Result<bool> names_special_tokens(const std::string& text, const Tokenizer& tokenizer) {
    HEXCORE_TRY(named, tokenizer.tokenize(text, TextPlace::within, SpecialNames::tokens));
    HEXCORE_TRY(plain, tokenizer.tokenize(text, TextPlace::within, SpecialNames::text));
    return named != plain;
}

}  // namespace

Result<void> put_chat(Request& request, const ChatPrompt& prompt, const LoadedModel& model) {
    HEXCORE_TRY(tokens, Tokenizer(model).tokenize(prompt.text, TextPlace::start));
    return put_prompt(request, prompt, std::move(tokens), model);
}

Result<ChatPrompt> put_texts(Request& request, const ChatTemplate& chat_template,
                             const ChatRequest& chat, const LoadedModel& model) {
    const Tokenizer tokenizer(model);
    HEXCORE_TRY(prompt, chat_template.apply(chat));
    std::vector<Token> tokens;
    std::size_t done = 0;
    const auto add = [&](std::size_t end, SpecialNames names) -> Result<void> {
        const auto part = std::string_view(prompt.text).substr(done, end - done);
        const auto place =
            done == 0 && names == SpecialNames::tokens ? TextPlace::start : TextPlace::within;
        HEXCORE_TRY(more, tokenizer.tokenize(part, place, names));
        tokens.insert(tokens.end(), more.begin(), more.end());
        done = end;
        return {};
    };
    for (std::size_t i = 0; i < chat.messages.size(); ++i) {
        HEXCORE_TRY(names, names_special_tokens(chat.messages[i].content, tokenizer));
        if (names) {
            HEXCORE_TRY(range, range_of(i, prompt.text, chat_template, chat));
            HEXCORE_TRY_VOID(add(range.begin, SpecialNames::tokens));
            HEXCORE_TRY_VOID(add(range.end, SpecialNames::text));
        }
    }
    HEXCORE_TRY_VOID(add(prompt.text.size(), SpecialNames::tokens));
    HEXCORE_TRY_VOID(put_prompt(request, prompt, std::move(tokens), model));
    return prompt;
}

}  // namespace hexcore
