#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hexcore/api/planned_model.hpp"
#include "hexcore/assistant/assistant.hpp"

namespace hexcore {

/// What an assistant needs of its model's plan: the last hidden states of questions, for its
/// router, a context for each expert's adapter, and one for a merge of all where experts are
/// combined so. An adapter that cannot be had is left out, so that the others answer. `how`: in
/// place of what the assistant's file says.
void plan_for(const AssistantDescription& assistant, PlanningOptions& options,
              std::optional<Combination> how = {});

/// Whether an expert's adapter was left out as there is no room for it.
[[nodiscard]] bool lacks_room(const PlannedModel& model);

/// A plan for `most` experts side by side, or for as many as fit, by `plan`, which is told how many
/// that are; for fewer, too, where no expert is left out for its adapter's size then.
[[nodiscard]] Result<PlannedModel> plan_side_by_side(
    std::uint32_t most, const std::function<Result<PlannedModel>(std::uint32_t experts)>& plan);

/// The adapters of each expert, for AssistantHost. An expert whose adapter was left out of a plan
/// that plan_for() was asked for is excluded from the assistant, and has those of the base.
[[nodiscard]] std::vector<std::vector<ChosenAdapter>> adapters_of(const PlannedModel& model,
                                                                  Assistant& assistant);

}  // namespace hexcore
