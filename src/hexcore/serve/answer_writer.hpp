#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "hexcore/serve/exchange.hpp"

namespace hexcore {

/// What all parts of an answer say of it.
struct AnswerHead {
    std::string id;
    std::int64_t created = 0;  ///< seconds since 1970
    std::string model;
    bool counts = false;  ///< each chunk of a stream has `usage`, which is null but in the last
};

/// With the head, and without choices.
[[nodiscard]] nlohmann::ordered_json empty_part(const AnswerHead& head, const char* object);

/// What answers to one request took.
struct AnswerUsage {
    std::uint64_t prompt_tokens = 0;
    std::uint64_t cached_tokens = 0;  ///< of these, the ones that were in the cache
    std::uint64_t completion_tokens = 0;

    [[nodiscard]] nlohmann::ordered_json json() const;
};

/// Makes what is sent to a client of what the engine says: chunks of a stream, and a whole answer.
class AnswerWriter {
public:
    using Json = nlohmann::ordered_json;

    virtual ~AnswerWriter() = default;
    /// What is sent before anything else.
    virtual void begin(std::vector<Json>& chunks) = 0;
    virtual void piece(const Exchange::Piece& piece, std::vector<Json>& chunks) = 0;
    virtual void end(std::uint32_t choice, const Answer& answer, std::vector<Json>& chunks) = 0;
    /// Once all choices have ended, without `usage`.
    [[nodiscard]] virtual Json whole() const = 0;
    /// A chunk without choices.
    [[nodiscard]] virtual Json empty_chunk() const = 0;
};

/// OpenAI's word for why an answer ended.
[[nodiscard]] const char* finish_reason(StopReason reason);

}  // namespace hexcore
