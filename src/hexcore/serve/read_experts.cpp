#include <fmt/format.h>

#include <utility>

#include "hexcore/serve/read_answer_fields.hpp"

namespace hexcore {
namespace {

constexpr std::int64_t experts_most = 32;

template <typename T>
void take_given(JsonFields& fields, const char* name, T value, std::optional<T>& into) {
    if (fields.any(name) != nullptr) {
        into = value;
    }
}

ApiError not_of_assistants(const char* field, std::string_view what) {
    return wrong_field(field, fmt::format("{} {}; ask the model itself for that", field, what),
                       "unsupported_field");
}

/// What an assistant does not do for a client.
std::optional<ApiError> beyond_assistants(const AskedChat& asked) {
    const AskedAnswer& answer = asked.answer;
    if (answer.choices != 1) {
        return not_of_assistants("n", "must be 1 for an assistant");
    }
    if (!asked.chat.tools.empty()) {
        return not_of_assistants("tools", "are nothing that an assistant calls");
    }
    if (!asked.chat.json_schema.empty()) {
        return not_of_assistants("response_format", "must be text for an assistant");
    }
    if (answer.how.chances) {
        return not_of_assistants("logprobs", "are not told by an assistant");
    }
    if (!answer.how.biases.empty()) {
        return not_of_assistants("logit_bias", "is not for an assistant");
    }
    if (!answer.session_name.empty()) {
        return not_of_assistants("session_id",
                                 "is not for an assistant: send the conversation each time");
    }
    if (!asked.chat.variables.empty()) {
        return not_of_assistants("chat_template_kwargs", "are not for an assistant");
    }
    return std::nullopt;
}

}  // namespace

AskedExperts read_expert_fields(JsonFields& fields, const SamplingOptions& sampling) {
    AskedExperts experts;
    for (const char* field : {"experts", "combine", "strict"}) {
        if (experts.first_field.empty() && fields.any(field) != nullptr) {
            experts.first_field = field;
        }
    }
    if (fields.any("experts") != nullptr) {
        experts.count = static_cast<std::uint32_t>(fields.integer("experts", 1, 1, experts_most));
    }
    if (const auto name = fields.text("combine")) {
        experts.combine = combination_named(*name);
        if (!experts.combine) {
            fields.complain("combine", "must be choose, merge, blend or attend");
        }
    }
    experts.strict = fields.flag("strict", false);
    take_given(fields, "temperature", sampling.temperature, experts.sampling.temperature);
    take_given(fields, "top_p", sampling.top_p, experts.sampling.top_p);
    take_given(fields, "min_p", sampling.min_p, experts.sampling.min_p);
    take_given(fields, "repeat_penalty", sampling.repeat_penalty, experts.sampling.repeat_penalty);
    take_given(fields, "top_k", sampling.top_k, experts.sampling.top_k);
    return experts;
}

Asked<void> check_for_model(const AskedChat& asked) {
    const std::string& field = asked.experts.first_field;
    if (!field.empty()) {
        return tl::unexpected(
            wrong_field(field, fmt::format("{} is for an assistant, and this model is none", field),
                        "unsupported_field"));
    }
    return {};
}

Asked<AskedDialogue> read_dialogue(const AskedChat& asked) {
    if (auto beyond = beyond_assistants(asked)) {
        return tl::unexpected(*std::move(beyond));
    }
    AskedDialogue dialogue;
    const std::vector<ChatMessage>& messages = asked.chat.messages;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const ChatMessage& message = messages[i];
        const std::string path = fmt::format("messages[{}]", i);
        if (message.role == "system" || message.role == "developer") {
            dialogue.instructions +=
                (dialogue.instructions.empty() ? "" : "\n\n") + message.content;
        } else if (message.role == "tool" || !message.tool_calls.empty()) {
            return tl::unexpected(wrong_field(
                path, fmt::format("{} is of a tool, and an assistant calls none", path)));
        } else {
            dialogue.history.push_back({.role = message.role, .content = message.content});
        }
    }
    if (dialogue.history.empty() || dialogue.history.back().role != "user") {
        return tl::unexpected(wrong_field(
            "messages", "messages must end with the user's: an assistant answers a question"));
    }
    dialogue.question = std::move(dialogue.history.back().content);
    dialogue.history.pop_back();
    return dialogue;
}

}  // namespace hexcore
