#pragma once

#include <string>

#include "hexcore/isolate/test_results.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// Each failure with its output; empty where there is none. Long output loses its middle.
[[nodiscard]] std::string failures_text(const TestRun& run, const TextStyle& style);

/// Counts, time, the heaviest, what was kept, what protected. `sizes_are_kept`: later runs know.
[[nodiscard]] std::string run_summary(const TestRun& run, bool sizes_are_kept,
                                      const TextStyle& style);

/// "14 run: 12 passed (1 flaky), 1 failed, 1 skipped"
[[nodiscard]] std::string counts_text(const TestRun& run);

}  // namespace hexcore
