#include "hexcore/serve/chat_writer.hpp"

#include <utility>

namespace hexcore {
namespace {

using Json = nlohmann::ordered_json;

Json call_json(const ChatToolCall& call) {
    return {{"id", call.id},
            {"type", "function"},
            {"function", {{"name", call.name}, {"arguments", call.arguments}}}};
}

Json message_json(const ChatMessage& message) {
    Json json = {{"role", "assistant"}, {"content", message.content}, {"refusal", nullptr}};
    if (!message.reasoning.empty()) {
        json["reasoning_content"] = message.reasoning;
    }
    if (!message.tool_calls.empty()) {
        if (message.content.empty()) {
            json["content"] = nullptr;
        }
        for (const ChatToolCall& call : message.tool_calls) {
            json["tool_calls"].push_back(call_json(call));
        }
    }
    return json;
}

Json delta_json(const ChatDelta& delta) {
    Json json = Json::object();
    if (!delta.reasoning.empty()) {
        json["reasoning_content"] = delta.reasoning;
    }
    if (!delta.content.empty()) {
        json["content"] = delta.content;
    }
    if (delta.call_index) {
        Json call = {{"index", *delta.call_index}};
        if (!delta.call.id.empty()) {
            call["id"] = delta.call.id;
            call["type"] = "function";
        }
        Json function = Json::object();
        if (!delta.call.name.empty()) {
            function["name"] = delta.call.name;
        }
        function["arguments"] = delta.call.arguments;
        call["function"] = std::move(function);
        json["tool_calls"] = Json::array({std::move(call)});
    }
    return json;
}

}  // namespace

ChatWriter::ChatWriter(AnswerHead head, ChatPrompt prompt, std::uint32_t choices, TokenText text_of)
    : head_(std::move(head)), text_of_(std::move(text_of)) {
    // Each reader has a copy, and to read an answer needs nothing of these, which may be long.
    prompt.text.clear();
    prompt.grammar.clear();
    for (std::uint32_t i = 0; i < choices; ++i) {
        choices_.push_back({.reader = AnswerReader(prompt)});
    }
}

Json ChatWriter::empty_chunk() const { return empty_part(head_, "chat.completion.chunk"); }

Json ChatWriter::chunk(std::uint32_t choice, Json delta) {
    Json json = empty_chunk();
    Json entry = {{"index", choice}, {"delta", std::move(delta)}, {"finish_reason", nullptr}};
    if (has_chances_) {
        Json fresh = std::exchange(choices_[choice].fresh_chances, Json::array());
        entry["logprobs"] = {{"content", std::move(fresh)}};
    }
    json["choices"].push_back(std::move(entry));
    return json;
}

void ChatWriter::begin(std::vector<Json>& chunks) {
    for (std::uint32_t i = 0; i < choices_.size(); ++i) {
        chunks.push_back(chunk(i, {{"role", "assistant"}, {"content", ""}}));
    }
}

void ChatWriter::add_chances(Choice& choice, const std::vector<GeneratedToken>& tokens) {
    for (const GeneratedToken& token : tokens) {
        has_chances_ = true;
        Json json = token_chances_json(token, text_of_);
        choice.fresh_chances.push_back(json);
        choice.chances.push_back(std::move(json));
    }
}

void ChatWriter::send(std::uint32_t choice, const std::vector<ChatDelta>& deltas,
                      std::vector<Json>& chunks) {
    for (const ChatDelta& delta : deltas) {
        chunks.push_back(chunk(choice, delta_json(delta)));
    }
}

void ChatWriter::piece(const Exchange::Piece& piece, std::vector<Json>& chunks) {
    Choice& choice = choices_[piece.choice];
    add_chances(choice, piece.tokens);
    send(piece.choice, choice.reader.add(piece.text), chunks);
}

void ChatWriter::end(std::uint32_t choice, const Answer& answer, std::vector<Json>& chunks) {
    Choice& one = choices_[choice];
    // Where it does not end as the template has it (cut short in a call), what was read stands.
    if (const auto last = one.reader.finish()) {
        send(choice, *last, chunks);
    }
    const bool calls = !one.reader.message().tool_calls.empty();
    const bool is_whole = answer.stop == StopReason::eos || answer.stop == StopReason::stop_text;
    one.finish = calls && is_whole ? "tool_calls" : finish_reason(answer.stop);
    Json last = chunk(choice, Json::object());
    last["choices"][0]["finish_reason"] = one.finish;
    chunks.push_back(std::move(last));
}

Json ChatWriter::whole() const {
    Json json = empty_part(head_, "chat.completion");
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        const Choice& choice = choices_[i];
        json["choices"].push_back(
            {{"index", i},
             {"message", message_json(choice.reader.message())},
             {"logprobs", has_chances_ ? Json{{"content", choice.chances}} : Json(nullptr)},
             {"finish_reason", choice.finish}});
    }
    return json;
}

ChatMessage ChatWriter::message() const { return choices_.front().reader.message(); }

}  // namespace hexcore
