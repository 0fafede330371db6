#pragma once

#include "hexcore/cli/planning.hpp"
#include "hexcore/report/run_report.hpp"
#include "hexcore/runtime/generate.hpp"

namespace hexcore {

/// Fails with ErrorCode::bad_input where a plan from a file is for another model or other devices.
[[nodiscard]] Result<void> check_plan_fits_model(const Plan& plan, const PlanningInput& input);

/// Puts the answer, and what the memory did while the model is loaded, into the report.
[[nodiscard]] Result<void> describe_run(RunReport& report, const Plan& plan, ModelSession& session,
                                        const Answer& answer);
/// Puts what is left after unloading into the report.
[[nodiscard]] Result<void> describe_unloaded(RunReport& report, Machine& machine);

}  // namespace hexcore
