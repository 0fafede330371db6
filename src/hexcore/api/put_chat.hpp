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

/// Applies the template and does the same, but what messages say is text and nothing else: names of
/// special tokens in it, with which whoever wrote it could end a turn and begin another, mean
/// nothing. Without such names the tokens are the same. Fails as ChatTemplate::apply() does, too,
/// and with ErrorCode::usage where such a text changes what the template writes around it.
[[nodiscard]] Result<ChatPrompt> put_texts(Request& request, const ChatTemplate& chat_template,
                                           const ChatRequest& chat, const LoadedModel& model);

}  // namespace hexcore
