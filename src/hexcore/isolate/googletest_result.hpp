#pragma once

#include <string>

#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// What became of a test by GoogleTest's XML report, the process's end, and whether GoogleTest says
/// that it came to the end of the run. An exit code of 0 alone proves nothing: a test may call
/// exit(0).
[[nodiscard]] TestJudgement judge_googletest(const CageOutcome& outcome, const std::string& xml,
                                             bool ended);

}  // namespace hexcore
