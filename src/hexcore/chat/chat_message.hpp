#pragma once

#include <string>
#include <vector>

namespace hexcore {

/// A function that the model wants called.
struct ChatToolCall {
    std::string id = {};  ///< what the message with its result names, as ChatMessage::tool_call_id
    std::string name = {};
    std::string arguments = {};  ///< JSON text
};

/// One turn of a conversation.
struct ChatMessage {
    std::string role = {};  ///< "system", "developer", "user", "assistant" or "tool"
    std::string content = {};
    std::string reasoning = {};  ///< what the model thought before it; not shown by all templates
    std::vector<ChatToolCall> tool_calls = {};
    std::string name = {};          ///< of "tool": the function
    std::string tool_call_id = {};  ///< of "tool": the call that this is the result of
};

/// A function that the model may have called.
struct ChatTool {
    std::string name = {};
    std::string description = {};
    std::string parameters = {};  ///< JSON schema of an object; empty: it takes none
};

}  // namespace hexcore
