#include "hexcore/backend/execution/execution_strategy.hpp"

#include <algorithm>
#include <array>

#include "hexcore/backend/execution/fused_execution.hpp"
#include "hexcore/backend/execution/staged_execution.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

constexpr std::array strategies{
    ExecutionStrategy{
        .way = Execution::fused,
        .make = FusedExecution::create,
        .space_behind = routing_space,
    },
    ExecutionStrategy{
        .way = Execution::staged,
        .make = [](Device& home) -> std::unique_ptr<ExpertExecution> {
            return std::make_unique<StagedExecution>(home);
        },
        .space_behind = [](const ggml_tensor&) { return Bytes(); },
    },
};

}  // namespace

const ExecutionStrategy& strategy_for(const Machine& machine) {
    const Execution way = execution_for(machine.specs()).way;
    const auto* const found =
        std::find_if(strategies.begin(), strategies.end(),
                     [&](const ExecutionStrategy& each) { return each.way == way; });
    HEXCORE_CHECK(found != strategies.end(), static_cast<int>(way), strategies.size());
    return *found;
}

Result<void> check_computable(const Machine& machine, const Placement& placement) {
    const ExecutionModel& model = execution_for(machine.specs());
    if (model.computes_elsewhere || placement.expert_compute_device.empty()) {
        return {};
    }
    for (std::size_t layer = 0; layer < placement.expert_device.size(); ++layer) {
        const std::vector<DeviceId>& stored = placement.expert_device[layer];
        const std::vector<DeviceId>& computed = placement.computed_on(layer);
        for (std::size_t expert = 0; expert < stored.size(); ++expert) {
            if (computed[expert] != stored[expert]) {
                return fail(ErrorCode::bad_input, {{Change::plan_again}},
                            "the plan stores expert {} of layer {} on {} and computes it on {}; "
                            "with these devices experts are computed where they are stored",
                            expert, layer, machine.device(stored[expert]).name(),
                            machine.device(computed[expert]).name());
            }
        }
    }
    return {};
}

}  // namespace hexcore
