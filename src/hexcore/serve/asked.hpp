#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hexcore/chat/chat_template.hpp"
#include "hexcore/serve/api_error.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

/// What both ways of asking have.
struct AskedAnswer {
    /// How to answer: limits, stop texts, sampling, biases, chances.
    Request how = {};
    std::uint32_t choices = 1;
    bool stream = false;
    bool include_usage = false;     ///< in a stream: a chunk with what it took
    std::string session_name = {};  ///< empty: none
};

/// The body of `POST /v1/chat/completions`.
struct AskedChat {
    AskedAnswer answer = {};
    ChatRequest chat = {};
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

}  // namespace hexcore
