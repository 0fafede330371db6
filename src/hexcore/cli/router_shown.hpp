#pragma once

#include "hexcore/assistant/question_embedding.hpp"
#include "hexcore/process/interrupt.hpp"

namespace hexcore {

/// trained_router(), with its progress on stderr where it has to be trained.
[[nodiscard]] Result<Router> router_shown(const AssistantDescription& assistant, Engine& base,
                                          const ChatTemplate& chat_template,
                                          const Interrupt& interrupt);

}  // namespace hexcore
