#include "hexcore/chat/answer_reader.hpp"

#include <random>
#include <utility>

namespace hexcore {
namespace {

/// Nine letters and digits, which every template takes that looks at ids.
std::string made_up_id() {
    constexpr std::string_view symbols =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    std::random_device random;
    std::string id(9, ' ');
    for (char& symbol : id) {
        symbol = symbols[random() % symbols.size()];
    }
    return id;
}

/// Whether all that was told of `before` still holds in `now`, so that the rest can be told.
bool continues(const ChatMessage& before, const ChatMessage& now) {
    if (!now.reasoning.starts_with(before.reasoning) || !now.content.starts_with(before.content) ||
        now.tool_calls.size() < before.tool_calls.size()) {
        return false;
    }
    for (std::size_t i = 0; i < before.tool_calls.size(); ++i) {
        const ChatToolCall& call = before.tool_calls[i];
        if (now.tool_calls[i].name != call.name || now.tool_calls[i].id != call.id ||
            !now.tool_calls[i].arguments.starts_with(call.arguments)) {
            return false;
        }
    }
    return true;
}

}  // namespace

AnswerReader::AnswerReader(ChatPrompt prompt) : prompt_(std::move(prompt)) {
    message_.role = "assistant";
}

std::vector<ChatDelta> AnswerReader::add(std::string_view text) {
    text_ += text;
    // Each time it is read from its beginning: a long answer therefore in larger steps, of which
    // there are some hundred for each doubling of its length.
    if (text_.size() - read_bytes_ < text_.size() / 256) {
        return {};
    }
    read_bytes_ = text_.size();
    auto message = read_answer(prompt_, text_, AnswerEnd::open);
    if (!message) {
        return {};  // the end will tell
    }
    // A call is told of when its name is complete, which it is when arguments follow.
    while (!message->tool_calls.empty() && (message->tool_calls.back().name.empty() ||
                                            message->tool_calls.back().arguments.empty())) {
        message->tool_calls.pop_back();
    }
    give_ids(*message);
    return continues(message_, *message) ? take(std::move(*message)) : std::vector<ChatDelta>();
}

Result<std::vector<ChatDelta>> AnswerReader::finish() {
    HEXCORE_TRY(message, read_answer(prompt_, text_, AnswerEnd::reached));
    give_ids(message);
    if (!continues(message_, message)) {
        return fail(ErrorCode::negative,
                    "the end of the model's answer changes the meaning of what came before it");
    }
    return take(std::move(message));
}

void AnswerReader::give_ids(ChatMessage& next) {
    for (std::size_t i = 0; i < next.tool_calls.size(); ++i) {
        if (i == ids_.size()) {
            ids_.push_back(next.tool_calls[i].id.empty() ? made_up_id() : next.tool_calls[i].id);
        }
        next.tool_calls[i].id = ids_[i];
    }
}

std::vector<ChatDelta> AnswerReader::take(ChatMessage next) {
    std::vector<ChatDelta> deltas;
    if (next.reasoning.size() > message_.reasoning.size()) {
        deltas.push_back({.reasoning = next.reasoning.substr(message_.reasoning.size())});
    }
    if (next.content.size() > message_.content.size()) {
        deltas.push_back({.content = next.content.substr(message_.content.size())});
    }
    for (std::size_t i = 0; i < next.tool_calls.size(); ++i) {
        const ChatToolCall& call = next.tool_calls[i];
        if (i >= message_.tool_calls.size()) {
            deltas.push_back({.call_index = i, .call = call});
            continue;
        }
        const std::size_t told = message_.tool_calls[i].arguments.size();
        if (call.arguments.size() > told) {
            deltas.push_back({.call_index = i, .call = {.arguments = call.arguments.substr(told)}});
        }
    }
    message_ = std::move(next);
    return deltas;
}

}  // namespace hexcore
