#include "hexcore/runtime/tokenizer.hpp"

#include <algorithm>
#include <exception>
#include <limits>

#include "hexcore/runtime/long_stretches.hpp"
#include "llama.h"

namespace hexcore {
namespace {

bool has_texts(const llama_vocab& vocab) {
    return llama_vocab_type(&vocab) != LLAMA_VOCAB_TYPE_NONE;
}

}  // namespace

Result<std::vector<Token>> Tokenizer::tokenize(std::string_view text, TextPlace place,
                                               SpecialNames names) const {
    const llama_vocab& vocab = model_->vocab();
    // libllama aborts the program where it is asked for what these models have not.
    if (!has_texts(vocab)) {
        return fail(ErrorCode::bad_input, "the model has no tokenizer, so it takes no text");
    }
    HEXCORE_TRY_VOID(check_continues_texts());
    constexpr std::size_t longest = std::numeric_limits<std::int32_t>::max() - 2;
    if (text.size() > longest) {
        return fail(ErrorCode::usage, "the prompt has {} bytes; the tokenizer takes at most {}",
                    text.size(), longest);
    }
    const auto length = static_cast<std::int32_t>(text.size());
    std::vector<Token> tokens(text.size() + 2);
    std::int32_t count = 0;
    std::string refusal;
    const auto tokenize = [&] {
        try {
            count = llama_tokenize(&vocab, text.data(), length, tokens.data(),
                                   static_cast<std::int32_t>(tokens.size()),
                                   place == TextPlace::start, names == SpecialNames::tokens);
        } catch (const std::exception& error) {
            refusal = error.what();
        }
    };
    HEXCORE_TRY_VOID(model_->long_stretches().with_stack_for(text, vocab, tokenize));
    if (!refusal.empty()) {
        return fail(ErrorCode::usage,
                    "the model's tokenizer cannot take this prompt: {}; is it text in UTF-8?",
                    refusal);
    }
    if (count < 0) {
        return fail(ErrorCode::bad_input, "the model's tokenizer cannot take this prompt");
    }
    tokens.resize(static_cast<std::size_t>(count));
    // Prompts and chat templates that were written for other programs begin with its text.
    const Token bos = llama_vocab_bos(&vocab);
    if (place == TextPlace::start && llama_vocab_get_add_bos(&vocab) && tokens.size() > 1 &&
        tokens[0] == bos && tokens[1] == bos) {
        tokens.erase(tokens.begin());
    }
    return tokens;
}

Result<void> Tokenizer::check_continues_texts() const {
    if (llama_model_has_encoder(&model_->model()) ||
        llama_get_memory(&model_->context()) == nullptr) {
        return fail(ErrorCode::bad_input, "the model is not one that continues a text");
    }
    return {};
}

std::string Tokenizer::piece(Token token, SpecialTokens special) const {
    if (!has_texts(model_->vocab())) {
        return {};
    }
    std::string text(256, '\0');
    const auto write = [&] {
        return llama_token_to_piece(&model_->vocab(), token, text.data(),
                                    static_cast<std::int32_t>(text.size()), 0,
                                    special == SpecialTokens::names);
    };
    std::int32_t size = write();
    if (size < 0) {  // less the size that it takes
        text.resize(static_cast<std::size_t>(-size));
        size = write();
    }
    text.resize(static_cast<std::size_t>(std::max(size, 0)));
    return text;
}

std::uint32_t Tokenizer::vocabulary_size() const {
    return static_cast<std::uint32_t>(llama_vocab_n_tokens(&model_->vocab()));
}

bool Tokenizer::ends_answer(Token token) const {
    return has_texts(model_->vocab()) && llama_vocab_is_eog(&model_->vocab(), token);
}

}  // namespace hexcore
