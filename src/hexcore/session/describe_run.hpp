#pragma once

#include <vector>

#include "hexcore/report/run_report.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

class Machine;

/// What each device of a loaded model has. Safe to call from any thread.
[[nodiscard]] Result<std::vector<RunDevice>> describe_devices(const LoadedModel& model);
/// Puts an answer, and what the memory did while the model is loaded, into the report.
[[nodiscard]] Result<void> describe_run(RunReport& report, LoadedModel& model,
                                        const Answer& answer);
/// Puts what is left after unloading into the report.
[[nodiscard]] Result<void> describe_unloaded(RunReport& report, const Machine& machine);

}  // namespace hexcore
