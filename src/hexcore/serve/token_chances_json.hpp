#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hexcore/session/request.hpp"

namespace hexcore {

/// What a token is as text: its bytes.
using TokenText = std::function<std::string(Token)>;

/// `{"token", "logprob", "bytes", "top_logprobs"}`, as OpenAI's chats have it.
[[nodiscard]] nlohmann::ordered_json token_chances_json(const GeneratedToken& token,
                                                        const TokenText& text_of);

}  // namespace hexcore
