#pragma once

#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_template.hpp"
#include "hexcore/runtime/loaded_model.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

/// Makes of a chat's prompt what a session is asked: the whole conversation as tokens, and beside
/// what the request has already the stops, shown tokens and grammar of its template. Fails as
/// Tokenizer::tokenize() and ParsedGrammar::make() do.
[[nodiscard]] Result<void> put_chat(Request& request, const ChatPrompt& prompt,
                                    const LoadedModel& model);

}  // namespace hexcore
