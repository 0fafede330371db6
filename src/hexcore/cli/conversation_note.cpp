#include "hexcore/cli/conversation_note.hpp"

#include <nlohmann/json.hpp>
#include <utility>

#include "hexcore/report/json_cursor.hpp"

namespace hexcore {
namespace {

Result<std::string> text_member(const JsonCursor& of, std::string_view key) {
    HEXCORE_TRY(member, of.member(key));
    return member.text();
}

/// Empty where it has none.
Result<std::string> text_if_any(const JsonCursor& of, std::string_view key) {
    return of.has(key) ? text_member(of, key) : Result<std::string>();
}

nlohmann::ordered_json message_note(const ChatMessage& message) {
    nlohmann::ordered_json json{{"role", message.role}, {"content", message.content}};
    if (!message.reasoning.empty()) {
        json["reasoning"] = message.reasoning;
    }
    for (const ChatToolCall& call : message.tool_calls) {
        json["tool_calls"].push_back(
            {{"id", call.id}, {"name", call.name}, {"arguments", call.arguments}});
    }
    return json;
}

Result<ChatMessage> read_message(const JsonCursor& noted) {
    ChatMessage message;
    HEXCORE_TRY(role, text_member(noted, "role"));
    HEXCORE_TRY(content, text_member(noted, "content"));
    HEXCORE_TRY(reasoning, text_if_any(noted, "reasoning"));
    message = {
        .role = std::move(role), .content = std::move(content), .reasoning = std::move(reasoning)};
    if (!noted.has("tool_calls")) {
        return message;
    }
    HEXCORE_TRY(list, noted.member("tool_calls"));
    HEXCORE_TRY(calls, list.elements());
    for (const JsonCursor& call : calls) {
        HEXCORE_TRY(id, text_member(call, "id"));
        HEXCORE_TRY(name, text_member(call, "name"));
        HEXCORE_TRY(arguments, text_member(call, "arguments"));
        message.tool_calls.push_back({std::move(id), std::move(name), std::move(arguments)});
    }
    return message;
}

}  // namespace

std::string conversation_note(const std::vector<ChatMessage>& messages) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const ChatMessage& message : messages) {
        list.push_back(message_note(message));
    }
    return nlohmann::ordered_json{{"messages", std::move(list)}}.dump(
        -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

Result<std::vector<ChatMessage>> read_conversation_note(std::string_view note) {
    HEXCORE_TRY(json, parse_json(note, "saved conversation"));
    HEXCORE_TRY(list, JsonCursor(json, "").member("messages"));
    HEXCORE_TRY(elements, list.elements());
    std::vector<ChatMessage> messages;
    for (const JsonCursor& element : elements) {
        HEXCORE_TRY(message, read_message(element));
        messages.push_back(std::move(message));
    }
    return messages;
}

}  // namespace hexcore
