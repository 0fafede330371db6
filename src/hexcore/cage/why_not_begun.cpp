#include "hexcore/cage/why_not_begun.hpp"

#include <fmt/format.h>

#include <cstring>

namespace hexcore {

std::string why_not_begun(const std::string& program, const SupervisorMessage& message) {
    const char* reason = std::strerror(message.code);
    switch (message.stage) {
        case SupervisorStage::program:
            return fmt::format("{} cannot be started: {}", program, reason);
        case SupervisorStage::folder:
            return fmt::format("the folder to start {} in cannot be entered: {}", program, reason);
        case SupervisorStage::control_group:
            return fmt::format("{} cannot be put into its control group: {}", program, reason);
        case SupervisorStage::limits:
            return fmt::format("{} cannot be given its limits: {}", program, reason);
        case SupervisorStage::namespaces:
            return fmt::format("{} cannot be given shared memory of its own: {}", program, reason);
    }
    return program;
}

}  // namespace hexcore
