#include "hexcore/backend/execution/execution_strategy.hpp"

#include <algorithm>
#include <array>

#include "hexcore/backend/execution/fused_execution.hpp"
#include "hexcore/backend/execution/staged_execution.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

// The best one first.
constexpr std::array strategies{
    ExecutionStrategy{
        .name = "fused",
        .suits = [](const Machine& machine) { return machine.all_host(); },
        .make = FusedExecution::create,
        .space_behind = routing_space,
    },
    ExecutionStrategy{
        .name = "staged",
        .suits = [](const Machine&) { return true; },
        .make = [](Device& home) -> std::unique_ptr<ExpertExecution> {
            return std::make_unique<StagedExecution>(home);
        },
        .space_behind = [](const ggml_tensor&) { return Bytes(); },
    },
};

}  // namespace

const ExecutionStrategy& strategy_for(const Machine& machine) {
    return *std::find_if(strategies.begin(), strategies.end() - 1,
                         [&](const ExecutionStrategy& each) { return each.suits(machine); });
}

}  // namespace hexcore
