#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/chat/chat_template.hpp"

namespace hexcore {

enum class JsonKind { any, object };

/// Whether the text is JSON of that kind, not too long and not nested without measure; `what`
/// begins the sentence where it is not. Fails with ErrorCode::usage.
[[nodiscard]] Result<void> check_json(std::string_view text, JsonKind kind,
                                      const std::string& what);

/// A JSON schema of a request; `what` begins the sentence about it.
struct SchemaText {
    std::string_view text;
    JsonKind kind = JsonKind::any;
    std::string what;
};
/// check_json() of schemas, which must be within SchemaLimits together.
[[nodiscard]] Result<void> check_schemas(const std::vector<SchemaText>& schemas);
/// The same of the tools of a request.
[[nodiscard]] Result<void> check_tools(const std::vector<ChatTool>& tools);

/// Whether the request can be put to any template. Fails with ErrorCode::usage.
[[nodiscard]] Result<void> check_request(const ChatRequest& request);

}  // namespace hexcore
