#pragma once

#include <memory>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/expert_execution.hpp"
#include "hexcore/plan/execution_model.hpp"
#include "hexcore/plan/placement.hpp"

namespace hexcore {

/// What computes in one of the ways that the planner knows, experts that may be on several devices.
/// For which devices it is and what it costs says its ExecutionModel.
struct ExecutionStrategy {
    Execution way;
    /// Computes the graphs of `home`. Null if its inner backend cannot start.
    std::unique_ptr<ExpertExecution> (*make)(Device& home);
    /// How many more bytes than its result a tensor of the graph needs behind it in its buffer.
    /// What else a strategy needs, ExpertExecution::reserve() takes.
    Bytes (*space_behind)(const ggml_tensor& node);
};

/// For the devices of the machine, as execution_for() chooses.
[[nodiscard]] const ExecutionStrategy& strategy_for(const Machine& machine);

/// Whether experts can be computed where the placement says. Fails with ErrorCode::bad_input for
/// one that is stored on another device, if the machine's way of computing can't do that.
[[nodiscard]] Result<void> check_computable(const Machine& machine, const Placement& placement);

}  // namespace hexcore
