#include "hexcore/runtime/chat_template.hpp"

#include <cstdint>

#include "llama.h"

namespace hexcore {

Result<std::string> apply_chat_template(const LoadedModel& model,
                                        const std::vector<ChatMessage>& messages, Turn next) {
    const char* chat_template = llama_model_chat_template(&model.model(), nullptr);
    if (chat_template == nullptr) {
        return fail(ErrorCode::bad_input,
                    "the model has no chat template; give it a prompt with -p TEXT");
    }
    std::vector<llama_chat_message> list;
    list.reserve(messages.size());
    for (const ChatMessage& message : messages) {
        list.push_back({message.role.c_str(), message.text.c_str()});
    }
    std::string text(1024, '\0');
    for (int attempt = 0; attempt < 2; ++attempt) {
        const std::int32_t size = llama_chat_apply_template(chat_template, list.data(), list.size(),
                                                            next == Turn::assistant, text.data(),
                                                            static_cast<std::int32_t>(text.size()));
        if (size < 0) {
            return fail(ErrorCode::bad_input,
                        "libllama does not know the model's chat template; give it a prompt with "
                        "-p TEXT");
        }
        const auto needed = static_cast<std::size_t>(size);
        const bool fits = needed <= text.size();
        text.resize(needed);
        if (fits) {
            break;
        }
    }
    return text;
}

}  // namespace hexcore
