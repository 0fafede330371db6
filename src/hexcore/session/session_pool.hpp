#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <string>
#include <string_view>

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// Which of an engine's sessions answers a request: the one of that name, or for requests that send
/// their whole conversation each time, the one that makes the least work. At most `most` sessions
/// are kept; to make room, the least recently used idle one is closed, those without a name first.
/// On the engine's thread only, and gone before the engine.
///
/// Work is counted in tokens: those that the prompt still has to compute there, and those of others
/// that are cut off for it and that somebody may send again. A new session cuts off nothing, and
/// begins with what it can copy: a saved system prompt, or what another session has in the cache.
/// So whoever has only the system prompt in common with a conversation takes nothing of it. Nothing
/// counts as cut off
/// - where a chat goes on behind all that the session was last asked, but for the tokens that
/// opened
///   the answer: it is that conversation, whose client sends the answer in other words (without the
///   model's thoughts), so that nobody is going to send those again;
/// - where the session would be closed, or its cells given up, to make room for a new one.
class SessionPool {
public:
    SessionPool(Engine& engine, std::size_t most, SessionOptions options = {});

    /// An idle session without a name for a request with the tokens of a whole prompt, which is to
    /// be asked at once. Null: there are `most`, and all of them answer.
    [[nodiscard]] Session* for_prompt(const Request& request);

    struct Named {
        Session* session = nullptr;  ///< null: there are `most`, and all of them answer
        bool is_new = false;         ///< nothing is known of that name, or not any more
    };
    /// The session of that name, which may be answering somebody else.
    [[nodiscard]] Named named(std::string_view name);
    /// Is told of names whose sessions are closed to make room.
    std::function<void(const std::string& name)> on_forgotten = {};

    [[nodiscard]] std::size_t size() const { return places_.size(); }

private:
    struct Place {
        Session session;
        std::string name;
        std::uint64_t last_used = 0;
        std::size_t asked = 0;  ///< see without_opening()
    };
    using Iterator = std::list<Place>::iterator;
    [[nodiscard]] Iterator oldest();
    [[nodiscard]] static bool goes_on(const Place& place, const Request& request);
    [[nodiscard]] bool make_room();
    [[nodiscard]] Session* open(std::string_view name);

    Engine& engine_;
    std::size_t most_;
    SessionOptions options_;
    std::uint32_t session_tokens_;
    std::list<Place> places_;
    std::uint64_t now_ = 0;  ///< counts uses
};

}  // namespace hexcore
