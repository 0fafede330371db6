#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/decoder.hpp"

namespace hexcore {

/// Where a text stands in its sequence.
enum class TextPlace {
    start,   ///< begins with the model's BOS token where the model wants it: once, also where the
             ///< text says it itself
    within,  ///< behind others
};

/// What special tokens are as text.
enum class SpecialTokens { nothing, names };

/// What names of special tokens in a text mean.
enum class SpecialNames {
    tokens,  ///< these tokens
    text,    ///< nothing: they are text as any other
};

/// A model's vocabulary: text to tokens and back.
class Tokenizer {
public:
    /// The model must outlive the tokenizer, and stay where it is.
    explicit Tokenizer(const LoadedModel& model) : model_(&model) {}

    /// Fails with ErrorCode::bad_input for a model without tokenizer or of a kind that does not
    /// continue texts, and with ErrorCode::usage for a text that is too long or that this tokenizer
    /// cannot take.
    [[nodiscard]] Result<std::vector<Token>> tokenize(
        std::string_view text, TextPlace place, SpecialNames names = SpecialNames::tokens) const;
    /// The bytes that `token` stands for, which may be part of a character; of a model without
    /// tokenizer none.
    [[nodiscard]] std::string piece(Token token,
                                    SpecialTokens special = SpecialTokens::nothing) const;
    /// Fails with ErrorCode::bad_input for a model of a kind that does not continue texts.
    [[nodiscard]] Result<void> check_continues_texts() const;
    [[nodiscard]] std::uint32_t vocabulary_size() const;
    /// Whether `token` ends an answer.
    [[nodiscard]] bool ends_answer(Token token) const;

private:
    const LoadedModel* model_;
};

}  // namespace hexcore
