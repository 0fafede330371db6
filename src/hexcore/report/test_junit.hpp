#pragma once

#include <string>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// A run of tests as JUnit XML, as Jenkins and Maven's Surefire read it. Names and output may hold
/// anything: what XML cannot say is replaced.
[[nodiscard]] std::string test_junit(const TestRun& run);

}  // namespace hexcore
