#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "hexcore/cli/planning_flags.hpp"
#include "hexcore/session/conversation.hpp"

namespace hexcore {

/// The options of `hexcore run`.
struct RunOptions {
    PlanningFlags planning;
    std::optional<std::string> prompt;  ///< none: a chat
    std::string prompt_file;
    std::string plan_file;
    std::string format = "text";
    std::uint32_t max_tokens = 0;
    int threads = 0;
    bool verbose = false;  ///< the whole table behind the answer, not one line
    SamplingOptions sampling;
    bool raw = false;  ///< the prompt is a text to go on with, not a question
    bool exact = false;
    std::string system;
    std::string session_file;
    std::string routing_file;  ///< empty: nobody wants to know

    void add_to(CLI::App& command);

    /// Reads the prompt from its file, if it has one. Fails with ErrorCode::bad_input where that
    /// cannot be read, with usage for an empty one, a chat in JSON, and a plan and a prompt that
    /// are both to come from standard input, and a file in which no session can be kept, with
    /// interrupted soon after `stop` is set.
    [[nodiscard]] Result<void> settle_prompt(const std::atomic<bool>* stop);
};

}  // namespace hexcore
