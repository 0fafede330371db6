#pragma once

#include <optional>
#include <vector>

#include "hexcore/plan/make_plan.hpp"

namespace hexcore {

/// Why a request got no plan although it makes sense: `missing` bytes on a device.
struct NotFitting {
    std::size_t device = 0;
    Bytes missing;
};

/// The plan of a placement, by estimates, without modelled times and explanation. The request says
/// the budgets; `devices` and `model` say what is taken.
[[nodiscard]] Plan draft_plan(const PlanRequest& request, const ModelFacts& model,
                              const std::vector<DeviceFacts>& devices, Placement placement);

/// Puts what a dry run told in the place of the plan's estimates.
void take_over(const DryRunUsage& usage, Plan& plan);

/// The device that is furthest over what it may hold, if any is.
[[nodiscard]] std::optional<NotFitting> furthest_over(const Plan& plan);

}  // namespace hexcore
