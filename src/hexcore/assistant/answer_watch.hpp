#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/assistant/degenerate_text.hpp"
#include "hexcore/chat/answer_reader.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

/// An answer as it comes: what is shown of it, thoughts left out, and what is wrong with it.
class AnswerWatch {
public:
    explicit AnswerWatch(ChatPrompt prompt) : reader_(std::move(prompt)) {}

    /// What of a piece is shown.
    [[nodiscard]] std::string add(const AnswerPiece& piece);
    /// What is still to be shown when no more comes.
    [[nodiscard]] std::string finish();
    /// Whether it has come to say the same over and over; looks every few tokens.
    [[nodiscard]] bool has_come_to_repeat();
    [[nodiscard]] Degeneration degeneration() const {
        return degeneration_of(text(), tokens_, special_);
    }
    [[nodiscard]] const std::string& text() const { return reader_.message().content; }

private:
    AnswerReader reader_;
    std::uint64_t tokens_ = 0;
    std::uint64_t special_ = 0;    ///< of these
    std::uint64_t looked_at_ = 0;  ///< tokens that had come by then
};

}  // namespace hexcore
