#pragma once

#include <string>

#include "hexcore/cage/outcome.hpp"
#include "hexcore/isolate/test_suite.hpp"

namespace hexcore {

/// What became of a test by the process's end and by Catch2's report for the console, of either
/// version. Without the report's last lines the run did not come to its end.
[[nodiscard]] TestJudgement judge_catch2(const TestCase& test, const CageOutcome& outcome,
                                         const std::string& report);

}  // namespace hexcore
