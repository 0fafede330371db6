#include "hexcore/serve/named_talks.hpp"

#include <fmt/format.h>

#include <utility>

namespace hexcore {

Asked<std::vector<ChatMessage>> NamedTalks::enter(const std::string& name) {
    const std::lock_guard lock(mutex_);
    Talk& talk = talks_[name];
    if (talk.busy) {
        return tl::unexpected(ApiError{
            .status = 409,
            .message = fmt::format("the session {} is being answered; wait for its end", name),
            .param = "session_id",
            .code = "session_busy"});
    }
    talk.busy = true;
    return talk.messages;
}

void NamedTalks::leave(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto talk = talks_.find(name);
    talk->second.busy = false;
    if (!talk->second.has_answer) {
        talks_.erase(talk);
    }
}

void NamedTalks::leave(const std::string& name, std::vector<ChatMessage> messages) {
    const std::lock_guard lock(mutex_);
    talks_[name] = {.messages = std::move(messages), .busy = false, .has_answer = true};
}

void NamedTalks::forget(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto talk = talks_.find(name);
    if (talk != talks_.end() && !talk->second.busy) {
        talks_.erase(talk);
    }
}

}  // namespace hexcore
