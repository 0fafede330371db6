#pragma once

#include <string>
#include <vector>

#include "hexcore/isolate/history.hpp"

namespace hexcore {

/// Rules for hexcore.toml: for each test that took a lot, and has no budget, the most that it ever
/// took and half of that. Empty where there is none.
[[nodiscard]] std::string proposed_budgets(const std::vector<TestCase>& tests,
                                           const TestHistory::Runs& history);

}  // namespace hexcore
