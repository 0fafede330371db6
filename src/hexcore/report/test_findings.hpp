#pragma once

#include <string>
#include <vector>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// Where a test crashed, for people: a line a frame, from the first of the program's own on (what
/// the C library does with an abort() is no news), up to the framework's. Or why that is not known.
[[nodiscard]] std::vector<std::string> crash_lines(const CrashStack& stack);

/// All of it, for a report: a line a frame.
[[nodiscard]] std::string whole_stack(const CrashStack& stack);

/// Which devices a test leaks, over its repeats, and of which that is not known.
[[nodiscard]] std::vector<std::string> growth_lines(const Attempt& attempt);

/// Who left what was left, where that may have been another test of its process; else empty.
[[nodiscard]] std::string left_by_line(const TestResult& result);

}  // namespace hexcore
