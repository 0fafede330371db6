#pragma once

#include <string>

#include "hexcore/cage/supervisor_messages.hpp"

namespace hexcore {

/// What a supervisor says of a command that could not be the program, for people.
[[nodiscard]] std::string why_not_begun(const std::string& program,
                                        const SupervisorMessage& message);

}  // namespace hexcore
