#pragma once

#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/runtime/loaded_model.hpp"

namespace hexcore {

struct ChatMessage {
    std::string role;  ///< "system", "user" or "assistant"
    std::string text;
};

/// Whose words come next.
enum class Turn { user, assistant };

/// The conversation in the model's own template, up to where `next` speaks. Fails with
/// ErrorCode::bad_input where the model has none, or one that libllama does not know.
[[nodiscard]] Result<std::string> apply_chat_template(const LoadedModel& model,
                                                      const std::vector<ChatMessage>& messages,
                                                      Turn next);

}  // namespace hexcore
