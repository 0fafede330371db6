#pragma once

#include <string>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// A run of tests as a page of HTML that needs nothing else: verdicts, what ran when, each test's
/// memory against its budget, what changed since earlier runs, what protected. Its content policy
/// lets only its own script run, and asks nothing of any network; names and output reach it as
/// data. However long those are, 5,000 tests stay below 3 MiB: curves are thinned, outputs cut,
/// those of tests that failed last.
[[nodiscard]] std::string test_page(const TestRun& run);

}  // namespace hexcore
