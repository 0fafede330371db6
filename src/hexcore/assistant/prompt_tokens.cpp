#include "hexcore/assistant/prompt_tokens.hpp"

namespace hexcore {

CountTokens tokens_by(const Tokenizer& tokenizer) {
    return [&tokenizer](std::string_view text) {
        const auto tokens = tokenizer.tokenize(text, TextPlace::within, SpecialNames::text);
        return tokens ? tokens->size() : about_tokens(text);
    };
}

std::uint64_t tokens_around(const ChatTemplate& chat_template, const Tokenizer& tokenizer) {
    constexpr std::uint64_t where_unknown = 8;
    const ChatMessage asked{.role = "user", .content = "a"};
    const ChatMessage answered{.role = "assistant", .content = "a"};
    const auto prompt = chat_template.apply({.messages = {asked, answered, asked}});
    if (!prompt) {
        return where_unknown;
    }
    const auto tokens = tokenizer.tokenize(prompt->text, TextPlace::within);
    return tokens ? (tokens->size() + 2) / 3 : where_unknown;
}

}  // namespace hexcore
