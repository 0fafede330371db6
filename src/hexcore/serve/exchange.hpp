#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "hexcore/serve/api_error.hpp"
#include "hexcore/session/engine.hpp"

namespace hexcore {

/// The answers to one request on their way from the engine's thread to the one that sends them.
class Exchange {
public:
    struct Piece {
        std::uint32_t choice = 0;
        std::string text;
        std::vector<GeneratedToken> tokens;  ///< where their chances were asked for
    };
    struct End {
        std::uint32_t choice = 0;
        Result<Answer> answer;
        /// Of an assistant's answer: what is said of it besides.
        nlohmann::ordered_json facts = {};
        std::optional<ApiError> refused = {};  ///< why it is given to nobody
    };
    using Event = std::variant<Piece, End>;

    void put(Event event);
    /// What has come, in its order; waits up to `at_most` for the first.
    [[nodiscard]] std::vector<Event> take(std::chrono::milliseconds at_most);

    /// Of the engine's thread only.
    struct Engines {
        std::vector<Session*> asked;  ///< [choice]; null: not yet, or not any more
        bool cancelled = false;       ///< nobody waits for the answers
    };
    Engines engines;

private:
    std::mutex mutex_;
    std::condition_variable came_;
    std::vector<Event> events_;
};

}  // namespace hexcore
