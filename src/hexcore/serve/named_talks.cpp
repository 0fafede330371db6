#include "hexcore/serve/named_talks.hpp"

#include <fmt/format.h>

#include <utility>

namespace hexcore {

Asked<NamedTalks::Said> NamedTalks::enter(const std::string& name, Kind kind) {
    const std::lock_guard lock(mutex_);
    Talk& talk = talks_.try_emplace(name, Talk{.kind = kind}).first->second;
    if (talk.kind != kind) {
        return tl::unexpected(wrong_field(
            "session_id", fmt::format("the session {} is a {}; begin another", name,
                                      talk.kind == Kind::chat ? "conversation of chat completions"
                                                              : "text of completions")));
    }
    if (talk.busy) {
        return tl::unexpected(ApiError{
            .status = 409,
            .message = fmt::format("the session {} is being answered; wait for its end", name),
            .param = "session_id",
            .code = "session_busy",
            .retry_after_s = 1});
    }
    talk.busy = true;
    return talk.said;
}

void NamedTalks::leave(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto talk = talks_.find(name);
    talk->second.busy = false;
    if (!talk->second.said.has_answer) {
        talks_.erase(talk);
    }
}

void NamedTalks::leave(const std::string& name, std::vector<ChatMessage> messages) {
    const std::lock_guard lock(mutex_);
    Talk& talk = talks_[name];
    talk.said = {std::move(messages), true};
    talk.busy = false;
}

void NamedTalks::forget(const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto talk = talks_.find(name);
    if (talk != talks_.end() && !talk->second.busy) {
        talks_.erase(talk);
    }
}

}  // namespace hexcore
