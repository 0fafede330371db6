#pragma once

#include <cstdint>

#include "hexcore/assistant/knowledge.hpp"
#include "hexcore/chat/chat_template.hpp"
#include "hexcore/runtime/tokenizer.hpp"

namespace hexcore {

/// Counts by a model's own tokenizer, which must outlive it; a text that it cannot take by
/// about_tokens().
[[nodiscard]] CountTokens tokens_by(const Tokenizer& tokenizer);
/// How many tokens a message has in a model's template besides its text, on average.
[[nodiscard]] std::uint64_t tokens_around(const ChatTemplate& chat_template,
                                          const Tokenizer& tokenizer);

}  // namespace hexcore
