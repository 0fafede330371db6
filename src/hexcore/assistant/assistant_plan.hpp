#pragma once

#include "hexcore/api/planned_model.hpp"
#include "hexcore/assistant/assistant_description.hpp"

namespace hexcore {

/// What an assistant needs of its model's plan: the last hidden states of questions, for its
/// router.
void plan_for(const AssistantDescription& assistant, PlanningOptions& options);

}  // namespace hexcore
