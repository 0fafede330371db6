#pragma once

#include <string>

#include "hexcore/cli/chat_partner.hpp"

namespace hexcore {

/// What follows a line of a chat that is a command.
enum class Next { question, end };

/// Whether a question is a command: it begins with `/`, and is one line or begins with a command's
/// name. Text of several lines may well begin with a slash.
[[nodiscard]] bool is_command(const std::string& question);

/// Does what the command says; `so_far` are the figures of all answers.
[[nodiscard]] Next obey(ChatPartner& partner, const std::string& command, const Answer& so_far,
                        bool edits);

}  // namespace hexcore
