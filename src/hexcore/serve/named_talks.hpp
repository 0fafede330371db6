#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "hexcore/chat/chat_message.hpp"
#include "hexcore/serve/api_error.hpp"

namespace hexcore {

/// What was said in the sessions that have a name. Safe to use from any thread.
class NamedTalks {
public:
    enum class Kind { chat, text };
    struct Said {
        std::vector<ChatMessage> messages = {};
        bool has_answer = false;  ///< the session has begun
    };
    /// What was said so far. Until leave() nobody else may enter: 409. 400 where a session has
    /// begun as one kind and is to go on as the other.
    [[nodiscard]] Asked<Said> enter(const std::string& name, Kind kind);
    /// Nothing more was said.
    void leave(const std::string& name);
    /// All that was said is `messages` now.
    void leave(const std::string& name, std::vector<ChatMessage> messages);
    /// Its session was closed. What somebody is in stays.
    void forget(const std::string& name);

private:
    struct Talk {
        Kind kind = Kind::chat;
        Said said = {};
        bool busy = false;
    };
    std::mutex mutex_;
    std::map<std::string, Talk> talks_;
};

}  // namespace hexcore
