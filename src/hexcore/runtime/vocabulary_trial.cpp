#include "hexcore/runtime/vocabulary_trial.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/chat/chat_template.hpp"

namespace hexcore {
namespace {

const std::array<std::string, 9>& probing_texts() {
    static const std::array<std::string, 9> texts = {
        "",
        " ",
        "Once upon a time, in 1984, there WERE 12,345 of them; weren't there?\n\n\tYes: 3.14!",
        "Grüße aus Köln, où l'été naît",
        "Ελληνικά, русский язык, עברית, العربية, हिन्दी, ไทย",
        "你好，世界。日本語テキスト、한국어",
        "😀👩‍👩‍👧‍👦🏳️‍🌈 \u00a0\u200b\u3000 ∑∫≠ ①½",
        "int main() { return 0; } // <s></s> <|endoftext|> [INST] <0x41> ▁",
        "\xff\xfe\xc3 broken",
    };
    return texts;
}

void try_text(const llama_vocab& vocab, const std::string& text, bool special) {
    const auto length = static_cast<std::int32_t>(text.size());
    std::vector<llama_token> tokens(text.size() * 4 + 16);
    const std::int32_t count =
        llama_tokenize(&vocab, text.data(), length, tokens.data(),
                       static_cast<std::int32_t>(tokens.size()), special, special);
    std::vector<char> back(text.size() * 16 + 1024);
    (void)llama_detokenize(&vocab, tokens.data(), std::max(count, 0), back.data(),
                           static_cast<std::int32_t>(back.size()), !special, special);
}

void try_tokens(const llama_vocab& vocab) {
    std::array<char, 256> piece{};
    for (llama_token token = 0; token < llama_vocab_n_tokens(&vocab); ++token) {
        (void)llama_vocab_is_eog(&vocab, token);
        (void)llama_token_to_piece(&vocab, token, piece.data(),
                                   static_cast<std::int32_t>(piece.size()), 0, true);
    }
}

/// One that cannot be used is no fault here: the model answers prompts without it.
void try_chat_template(const llama_model& model) {
    const auto chat_template = ChatTemplate::of(model);
    if (!chat_template) {
        return;
    }
    ChatRequest request{.messages = {{.role = "user", .content = "Hello"},
                                     {.role = "assistant", .content = "Hello there"}},
                        .turn = Turn::user};
    (void)chat_template->apply(request);
    request.messages.push_back({.role = "user", .content = "How is the weather?"});
    request.turn = Turn::assistant;
    request.tools = {{.name = "weather", .description = "Tells the weather."}};
    (void)chat_template->apply(request);
}

}  // namespace

void try_vocabulary(const llama_model& model,
                    const std::function<void(std::string_view)>& on_step) {
    const llama_vocab& vocab = *llama_model_get_vocab(&model);
    if (llama_vocab_type(&vocab) == LLAMA_VOCAB_TYPE_NONE) {
        return;  // nothing of this can be asked of it
    }
    on_step("turning its tokens into text");
    try_tokens(vocab);
    on_step("turning text into its tokens");
    for (const std::string& text : probing_texts()) {
        for (const bool special : {true, false}) {
            try_text(vocab, text, special);
        }
    }
    // In one way only: each call compiles the tokenizer's expressions anew.
    for (int byte = 0; byte < 256; ++byte) {
        try_text(vocab, std::string(1, static_cast<char>(byte)), false);
    }
    on_step("applying its chat template");
    try_chat_template(model);
}

}  // namespace hexcore
