#pragma once

#include <memory>

#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/expert_execution.hpp"

namespace hexcore {

/// A way of computing experts that may be on several devices.
struct ExecutionStrategy {
    const char* name;
    /// Whether it can compute with all devices of this machine.
    bool (*suits)(const Machine& machine);
    /// Computes the graphs of `home`. Null if its inner backend cannot start.
    std::unique_ptr<ExpertExecution> (*make)(Device& home);
    /// How many more bytes than its result a tensor of the graph needs behind it in its buffer.
    /// What else a strategy needs, ExpertExecution::reserve() takes.
    Bytes (*space_behind)(const ggml_tensor& node);
};

/// The first in the list of strategies that suits the machine; the last one suits any.
[[nodiscard]] const ExecutionStrategy& strategy_for(const Machine& machine);

}  // namespace hexcore
