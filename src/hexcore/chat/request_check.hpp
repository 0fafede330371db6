#pragma once

#include <string>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_template.hpp"

namespace hexcore {

enum class JsonKind { any, object };

/// Whether the text is JSON of that kind, not too long and not nested without measure; `what`
/// begins the sentence where it is not. Fails with ErrorCode::usage.
[[nodiscard]] Result<void> check_json(std::string_view text, JsonKind kind,
                                      const std::string& what);

/// Whether the request can be put to any template. Fails with ErrorCode::usage.
[[nodiscard]] Result<void> check_request(const ChatRequest& request);

}  // namespace hexcore
