#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "hexcore/serve/read_answer_fields.hpp"

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

std::string entry(std::string_view list, std::size_t index) {
    return fmt::format("{}[{}]", list, index);
}

/// A text, or a list of parts that are texts.
std::string read_content(JsonFields& message, bool may_be_missing) {
    const Json* content = message.any("content");
    if (content == nullptr) {
        if (!may_be_missing) {
            message.complain("content", "is missing");
        }
        return {};
    }
    if (content->is_string()) {
        return content->get<std::string>();
    }
    if (!content->is_array()) {
        message.complain("content", "must be a string or a list of parts");
        return {};
    }
    std::string text;
    for (std::size_t i = 0; i < content->size() && message.fine(); ++i) {
        const std::string path = entry(message.path_of("content"), i);
        if (!(*content)[i].is_object()) {
            message.complain(entry("content", i), "must be an object");
            break;
        }
        JsonFields part((*content)[i], path, message.problem());
        if (const std::string type = part.needed_text("type"); type != "text") {
            part.complain("type", "must be text: no other parts are supported");
        }
        text += part.needed_text("text");
        part.nothing_else();
    }
    return text;
}

std::vector<ChatToolCall> read_calls(JsonFields& message) {
    std::vector<ChatToolCall> calls;
    const Json* list = message.list("tool_calls");
    for (std::size_t i = 0; list != nullptr && i < list->size() && message.fine(); ++i) {
        if (!(*list)[i].is_object()) {
            message.complain(entry("tool_calls", i), "must be an object");
            break;
        }
        JsonFields call((*list)[i], entry(message.path_of("tool_calls"), i), message.problem());
        (void)call.text("type");
        ChatToolCall read{.id = call.text("id").value_or("")};
        if (const Json* object = call.object("function")) {
            JsonFields function(*object, call.path_of("function"), message.problem());
            read.name = function.needed_text("name");
            read.arguments = function.needed_text("arguments");
            function.nothing_else();
        } else {
            call.complain("function", "is missing");
        }
        call.nothing_else();
        calls.push_back(std::move(read));
    }
    return calls;
}

ChatMessage read_message(JsonFields& fields) {
    static constexpr std::array roles{"system", "developer", "user", "assistant", "tool"};
    ChatMessage message;
    message.role = fields.needed_text("role");
    if (std::ranges::find(roles, message.role) == roles.end()) {
        fields.complain("role", "must be system, developer, user, assistant or tool");
    }
    message.content = read_content(fields, message.role == "assistant");
    message.name = fields.text("name").value_or("");
    if (message.role == "assistant") {
        message.reasoning = fields.text("reasoning_content").value_or("");
        message.tool_calls = read_calls(fields);
        (void)fields.any("refusal");
    } else if (message.role == "tool") {
        message.tool_call_id = fields.text("tool_call_id").value_or("");
    }
    fields.nothing_else();
    return message;
}

std::vector<ChatMessage> read_messages(JsonFields& fields) {
    std::vector<ChatMessage> messages;
    const Json* list = fields.list("messages");
    if (list == nullptr || list->empty()) {
        fields.complain("messages", list == nullptr ? "is missing" : "is empty");
        return messages;
    }
    for (std::size_t i = 0; i < list->size() && fields.fine(); ++i) {
        if (!(*list)[i].is_object()) {
            fields.complain(entry("messages", i), "must be an object");
            break;
        }
        JsonFields message((*list)[i], entry("messages", i), fields.problem());
        messages.push_back(read_message(message));
    }
    return messages;
}

std::vector<ChatTool> read_tools(JsonFields& fields) {
    std::vector<ChatTool> tools;
    const Json* list = fields.list("tools");
    for (std::size_t i = 0; list != nullptr && i < list->size() && fields.fine(); ++i) {
        if (!(*list)[i].is_object()) {
            fields.complain(entry("tools", i), "must be an object");
            break;
        }
        JsonFields tool((*list)[i], entry("tools", i), fields.problem());
        if (tool.needed_text("type") != "function") {
            tool.complain("type", "must be function: no other tools are supported");
        }
        const Json* object = tool.object("function");
        if (object == nullptr) {
            tool.complain("function", "is missing");
            break;
        }
        JsonFields function(*object, tool.path_of("function"), fields.problem());
        ChatTool read{.name = function.needed_text("name"),
                      .description = function.text("description").value_or("")};
        if (const Json* parameters = function.object("parameters")) {
            read.parameters = parameters->dump();
        }
        (void)function.flag("strict", false);  // calls always keep to the schema
        function.nothing_else();
        tool.nothing_else();
        tools.push_back(std::move(read));
    }
    return tools;
}

/// Of all tools, one is to be called.
void choose_tool(JsonFields& fields, const Json& choice, ChatRequest& chat) {
    JsonFields named(choice, fields.path_of("tool_choice"), fields.problem());
    const std::string type = named.needed_text("type");
    const Json* object = named.object("function");
    if (type != "function" || object == nullptr) {
        fields.complain("tool_choice", "must name a function");
        return;
    }
    JsonFields function(*object, named.path_of("function"), fields.problem());
    const std::string name = function.needed_text("name");
    function.nothing_else();
    named.nothing_else();
    std::erase_if(chat.tools, [&name](const ChatTool& tool) { return tool.name != name; });
    if (chat.tools.empty()) {
        function.complain("name", "is none of the tools");
    }
    chat.tool_choice = ToolChoice::required;
}

void read_tool_choice(JsonFields& fields, ChatRequest& chat) {
    const Json* choice = fields.any("tool_choice");
    if (choice == nullptr) {
        return;
    }
    if (choice->is_object()) {
        return choose_tool(fields, *choice, chat);
    }
    if (*choice == "none") {
        chat.tool_choice = ToolChoice::none;
    } else if (*choice == "required") {
        chat.tool_choice = ToolChoice::required;
        if (chat.tools.empty()) {
            fields.complain("tool_choice", "is required, and there are no tools");
        }
    } else if (*choice != "auto") {
        fields.complain("tool_choice", "must be none, auto, required or a function");
    }
}

void read_format(JsonFields& fields, ChatRequest& chat) {
    const Json* format = fields.object("response_format");
    if (format == nullptr) {
        return;
    }
    JsonFields inner(*format, "response_format", fields.problem());
    const std::string type = inner.needed_text("type");
    if (type == "json_object") {
        chat.json_schema = R"({"type": "object"})";
    } else if (type == "json_schema") {
        if (const Json* object = inner.object("json_schema")) {
            JsonFields described(*object, "response_format.json_schema", fields.problem());
            (void)described.text("name");
            (void)described.text("description");
            (void)described.flag("strict", true);  // answers always keep to the schema
            const Json* schema = described.object("schema");
            if (schema == nullptr) {
                described.complain("schema", "is missing");
            } else {
                chat.json_schema = schema->dump();
            }
            described.nothing_else();
        } else {
            inner.complain("json_schema", "is missing");
        }
    } else if (type != "text") {
        inner.complain("type", "must be text, json_object or json_schema");
    }
    inner.nothing_else();
    if (!chat.json_schema.empty() && !chat.tools.empty() && chat.tool_choice != ToolChoice::none) {
        fields.complain("response_format", "cannot be kept to beside tools");
    }
}

void read_chances(JsonFields& fields, Request& how) {
    const bool wanted = fields.flag("logprobs", false);
    const std::int64_t others = fields.integer("top_logprobs", 0, 0, 20);
    if (others > 0 && !wanted) {
        fields.complain("top_logprobs", "needs logprobs to be true");
    }
    if (wanted) {
        how.chances = static_cast<std::uint32_t>(others);
    }
}

}  // namespace

Asked<AskedChat> read_chat(std::string_view body) {
    HEXCORE_TRY(json, read_body(body));
    std::optional<ApiError> problem;
    JsonFields fields(json, {}, problem);
    AskedChat asked;
    asked.answer = read_answer_fields(fields);
    asked.experts = read_expert_fields(fields, asked.answer.how.sampling);
    ChatRequest& chat = asked.chat;
    chat.messages = read_messages(fields);
    chat.tools = read_tools(fields);
    read_tool_choice(fields, chat);
    chat.parallel_tool_calls = fields.flag("parallel_tool_calls", true);
    read_format(fields, chat);
    read_chances(fields, asked.answer.how);
    if (const Json* variables = fields.object("chat_template_kwargs")) {
        for (const auto& [name, value] : variables->items()) {
            chat.variables[name] = value.dump();
        }
    }
    fields.harmless("store", false);
    (void)fields.object("metadata");  // of what is stored
    fields.harmless("modalities", Json::array({"text"}));
    fields.harmless("verbosity", "medium");
    fields.nothing_else();
    if (problem) {
        return tl::unexpected(*std::move(problem));
    }
    return asked;
}

}  // namespace hexcore
