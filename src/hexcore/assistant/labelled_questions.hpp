#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hexcore/assistant/assistant_description.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// Reads lines of an expert's name, a tab and a question; empty ones and those with `#` at their
/// start are left out. Fails with ErrorCode::bad_input, with `name` and the line.
[[nodiscard]] Result<std::vector<LabelledQuestion>> parse_labelled_questions(
    const std::string& text, const std::string& name, const AssistantDescription& assistant);

/// Where questions are in a list of them.
struct QuestionSplit {
    std::vector<std::size_t> examples;
    std::vector<std::size_t> test;
};

/// So much of each expert's questions for the test, rounded down, the same ones for the same seed
/// everywhere.
[[nodiscard]] QuestionSplit split_questions(std::span<const LabelledQuestion> questions,
                                            std::uint64_t seed, std::size_t test_percent = 30);

}  // namespace hexcore
