#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/assistant/combination.hpp"
#include "hexcore/chat/chat_template.hpp"
#include "hexcore/serve/api_error.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

/// What both ways of asking have.
struct AskedAnswer {
    std::string model = {};  ///< whose answer it is to be; empty: not said
    /// How to answer: limits, stop texts, sampling, biases, chances.
    Request how = {};
    std::uint32_t choices = 1;
    bool stream = false;
    bool include_usage = false;     ///< in a stream: a chunk with what it took
    std::string session_name = {};  ///< empty: none
};

/// What is asked of an assistant besides.
struct AskedExperts {
    std::uint32_t count = 0;  ///< that are to answer; 0: as many as the question is for
    std::optional<Combination> combine = {};  ///< how their answers become one
    bool strict = false;           ///< no answer of an expert of whom another is suggested
    ExpertSampling sampling = {};  ///< goes before the expert's own
    std::string first_field = {};  ///< of these that was given; empty: none
};

/// The body of `POST /v1/chat/completions`.
struct AskedChat {
    AskedAnswer answer = {};
    ChatRequest chat = {};
    AskedExperts experts = {};
};

/// A chat as a question to an assistant.
struct AskedDialogue {
    std::string instructions = {};          ///< of the client's system messages
    std::vector<ChatMessage> history = {};  ///< what was said, without the question
    std::string question = {};
};

/// The body of `POST /v1/completions`.
struct AskedText {
    AskedAnswer answer = {};
    /// Each a text, or tokens; each is answered `answer.choices` times.
    std::vector<std::variant<std::string, std::vector<Token>>> prompts = {};
};

/// Read a body. Fail with 400, and the path of the field that is wrong or not supported.
[[nodiscard]] Asked<AskedChat> read_chat(std::string_view body);
[[nodiscard]] Asked<AskedText> read_text(std::string_view body);

/// Fails with 400 for a chat that asks of the loaded model what only assistants have.
[[nodiscard]] Asked<void> check_for_model(const AskedChat& asked);
/// Fails with 400 for a chat that asks of an assistant what only the loaded model has, or does not
/// end with a question.
[[nodiscard]] Asked<AskedDialogue> read_dialogue(const AskedChat& asked);

}  // namespace hexcore
