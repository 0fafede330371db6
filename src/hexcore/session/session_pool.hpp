#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <span>
#include <string>
#include <string_view>

#include "hexcore/session/engine.hpp"

namespace hexcore {

/// Which of an engine's sessions answers a request: the one of that name, or for requests that send
/// their whole conversation each time, the one that knows most of it already. At most `most`
/// sessions are kept; to make room, the least recently used idle one is closed, those without a
/// name first. On the engine's thread only, and gone before the engine.
class SessionPool {
public:
    SessionPool(Engine& engine, std::size_t most, SessionOptions options = {});

    /// An idle session for a prompt, to be asked at once: among those without a name the one with
    /// the longest beginning in common, if that is at least half of what it holds; otherwise a new
    /// one. Null: there are `most`, and all of them answer.
    [[nodiscard]] Session* for_prompt(std::span<const Token> tokens);

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
    };
    [[nodiscard]] bool make_room();
    [[nodiscard]] Session* open(std::string_view name);

    Engine& engine_;
    std::size_t most_;
    SessionOptions options_;
    std::list<Place> places_;
    std::uint64_t now_ = 0;  ///< counts uses
};

}  // namespace hexcore
