#pragma once

#include <atomic>
#include <string>

#include "hexcore/cli/planning_flags.hpp"

namespace hexcore {

/// Adds the option that names a plan made before, which settles most of the flags.
void add_plan_file(CLI::App& command, std::string& file);

/// Plans by the options, or follows the plan in `file` where it is not empty, for that many threads
/// (0: as many as there are cores). Fails as PlannedModel does.
[[nodiscard]] Result<PlannedModel> planned(PlanningOptions options, const std::string& file,
                                           int threads, const std::atomic<bool>* stop);
/// The same by the flags.
[[nodiscard]] Result<PlannedModel> planned(const PlanningFlags& flags, const std::string& file,
                                           int threads, const std::atomic<bool>* stop);

}  // namespace hexcore
