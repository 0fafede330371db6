#pragma once

#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cli/test_flags.hpp"

namespace hexcore {

/// Lists the tests of a command, runs those that are meant, and says how that went. Gives the exit
/// code.
[[nodiscard]] Result<int> run_test_command(const TestFlags& flags, const TestSettings& settings,
                                           const std::vector<std::string>& command);

}  // namespace hexcore
