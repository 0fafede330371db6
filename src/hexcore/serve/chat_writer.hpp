#pragma once

#include <memory>

#include "hexcore/chat/answer_reader.hpp"
#include "hexcore/serve/answer_writer.hpp"
#include "hexcore/serve/token_chances_json.hpp"

namespace hexcore {

/// For `POST /v1/chat/completions`: reads what the answers mean.
class ChatWriter : public AnswerWriter {
public:
    ChatWriter(AnswerHead head, ChatPrompt prompt, std::uint32_t choices, TokenText text_of);

    void begin(std::vector<Json>& chunks) override;
    void piece(const Exchange::Piece& piece, std::vector<Json>& chunks) override;
    void end(std::uint32_t choice, const Answer& answer, std::vector<Json>& chunks) override;
    [[nodiscard]] Json whole() const override;
    [[nodiscard]] Json empty_chunk() const override;

    /// What the first choice says, once it has ended.
    [[nodiscard]] ChatMessage message() const;

private:
    struct Choice {
        AnswerReader reader;
        Json chances = Json::array();        ///< of all tokens
        Json fresh_chances = Json::array();  ///< of those not sent yet
        std::string finish = {};
    };
    void send(std::uint32_t choice, const std::vector<ChatDelta>& deltas,
              std::vector<Json>& chunks);
    [[nodiscard]] Json chunk(std::uint32_t choice, Json delta);
    void add_chances(Choice& choice, const std::vector<GeneratedToken>& tokens);

    AnswerHead head_;
    TokenText text_of_;
    std::vector<Choice> choices_;
    bool has_chances_ = false;
};

}  // namespace hexcore
