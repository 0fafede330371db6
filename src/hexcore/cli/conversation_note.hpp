#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_message.hpp"

namespace hexcore {

/// What was said, as the note of a saved session has it (docs/formats/session.md).
[[nodiscard]] std::string conversation_note(const std::vector<ChatMessage>& messages);
/// Reads it back. Fails with ErrorCode::bad_input where it is none.
[[nodiscard]] Result<std::vector<ChatMessage>> read_conversation_note(std::string_view note);

}  // namespace hexcore
