#pragma once

#include <span>
#include <vector>

#include "hexcore/assistant/asked_question.hpp"
#include "hexcore/assistant/experts_answer.hpp"

namespace hexcore {

/// Whether there is room for the engines that an answer of these experts needs. Answers to choose
/// from may come one after the other, where adapters take turns; any other needs all at once.
[[nodiscard]] bool can_answer_together(const AssistantHost& host, Combination how,
                                       std::span<const std::size_t> experts);

/// ExpertsQuestion::when_there of an answer of such parts, by AssistantHost::when_there. `sets`:
/// [part].
[[nodiscard]] PartsAreThere engines_for(const AssistantHost& host, Combination how,
                                        std::vector<std::vector<ChosenAdapter>> sets);

}  // namespace hexcore
