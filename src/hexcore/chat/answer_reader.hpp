#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_template.hpp"

namespace hexcore {

/// What is new in an answer: of thoughts, of content, or of one call.
struct ChatDelta {
    std::string reasoning = {};
    std::string content = {};
    std::optional<std::size_t> call_index = {};  ///< which call; the rest is of that one
    ChatToolCall call = {};  ///< id and name when it begins, whole; then more of its arguments
};

/// Reads an answer as it comes.
class AnswerReader {
public:
    explicit AnswerReader(ChatPrompt prompt);

    /// More of the answer, in whole characters of UTF-8: what that adds to the message. What is not
    /// decided yet ("<tool_" may become the start of a call) comes with a later text.
    [[nodiscard]] std::vector<ChatDelta> add(std::string_view text);
    /// The end of the answer: what was open. Fails as read_answer() does; everything up to then
    /// stays in message().
    [[nodiscard]] Result<std::vector<ChatDelta>> finish();
    /// What has been read. Each call has an id, made up where the model gave none.
    [[nodiscard]] const ChatMessage& message() const { return message_; }
    /// The answer as the model wrote it.
    [[nodiscard]] const std::string& text() const { return text_; }

private:
    void give_ids(ChatMessage& next);
    std::vector<ChatDelta> take(ChatMessage next);

    ChatPrompt prompt_;
    std::string text_;
    std::size_t read_bytes_ = 0;  // of text_, when it was read last
    ChatMessage message_;
    std::vector<std::string> ids_;
};

}  // namespace hexcore
