#pragma once

#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/isolate/test_case.hpp"

namespace hexcore {

/// Gives tests of GoogleTest what a program told of them while it listed them: the lines of a file
/// as docs/formats/test-budgets.md has it. A line for `Suite.Name` is for each of its parameters
/// and types as well. Fails with ErrorCode::usage for a line that cannot be read.
[[nodiscard]] Result<void> take_budgets(std::vector<TestCase>& tests, const std::string& lines);

}  // namespace hexcore
