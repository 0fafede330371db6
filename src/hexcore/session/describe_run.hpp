#pragma once

#include "hexcore/report/run_report.hpp"
#include "hexcore/session/request.hpp"

namespace hexcore {

class Machine;

/// Puts an answer, and what the memory did while the model is loaded, into the report.
[[nodiscard]] Result<void> describe_run(RunReport& report, LoadedModel& model,
                                        const Answer& answer);
/// Puts what is left after unloading into the report.
[[nodiscard]] Result<void> describe_unloaded(RunReport& report, const Machine& machine);

}  // namespace hexcore
