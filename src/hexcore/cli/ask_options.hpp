#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/cli/find_assistant.hpp"
#include "hexcore/cli/planning_flags.hpp"

namespace hexcore {

/// The options of `hexcore ask`.
struct AskOptions {
    PlanningFlags planning;
    std::optional<std::string> question;  ///< none: a chat
    std::string question_file;
    std::string assistant = default_assistant;
    std::string expert;         ///< empty: whom the question or the router names
    std::uint32_t experts = 0;  ///< 0: one, or several where confidence is spread
    std::string combine;        ///< how several give one answer; empty: as the assistant has it
    bool strict = false;
    std::string session_file;
    std::string plan_file;
    std::string format = "text";
    std::uint32_t max_tokens = 0;
    int threads = 0;
    bool verbose = false;
    bool exact = false;
    SamplingOptions sampling;
    ExpertSampling given;  ///< what the command line says in place of the expert
    bool sequences_are_given = false;

    void add_to(CLI::App& command);
    /// What was given, once the command line is read.
    void settle_given(const CLI::App& command);
    /// Reads the question from its file, if it has one. Fails with ErrorCode::bad_input where that
    /// cannot be read, with usage for a chat in JSON, with interrupted soon after `stop` is set.
    [[nodiscard]] Result<void> settle_question(const std::atomic<bool>* stop);
};

}  // namespace hexcore
