#pragma once

#include <span>
#include <vector>

#include "hexcore/assistant/assistant.hpp"
#include "hexcore/assistant/experts_answer.hpp"
#include "hexcore/report/assistant_report.hpp"

namespace hexcore {

/// Who of those that were picked has answered, with what each had to say in it. `ended`: of an
/// answer whose parts are theirs, in that order.
[[nodiscard]] std::vector<AnsweringExpert> answering_experts(const Assistant& assistant,
                                                             std::span<const PickedExpert> picked,
                                                             Combination how,
                                                             const ExpertsEnd& ended);

}  // namespace hexcore
