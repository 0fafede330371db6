#pragma once

#include <string>

#include "hexcore/plan/plan.hpp"
#include "hexcore/report/run_report.hpp"

namespace hexcore {

/// What a run took, in one line without its end: what each device holds of its budget, whether that
/// is what was planned, and how long loading and generating took. It says whatever went otherwise
/// than planned; run_table() has the rest.
[[nodiscard]] std::string run_summary(const RunReport& report);

/// Which model it is, what each device holds of its budget, and how long a conversation may be, in
/// one line without its end.
[[nodiscard]] std::string plan_summary(const Plan& plan);

}  // namespace hexcore
