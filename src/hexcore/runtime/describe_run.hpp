#pragma once

#include "hexcore/report/run_report.hpp"
#include "hexcore/runtime/sequence.hpp"

namespace hexcore {

/// Puts the answer of the model's first sequence, which must still be there, and what the memory
/// did while the model is loaded into the report.
[[nodiscard]] Result<void> describe_run(RunReport& report, const Plan& plan, LoadedModel& model,
                                        const Answer& answer);
/// Puts what is left after unloading into the report.
[[nodiscard]] Result<void> describe_unloaded(RunReport& report, const Machine& machine);

}  // namespace hexcore
