#pragma once

#include <atomic>

#include "hexcore/cli/planning.hpp"

namespace hexcore {

/// planning_input(), with the file examined before it is trusted: whether libllama gets through
/// with it is found out in a process of its own, this program once more (run_examination()). Fails
/// with ErrorCode::bad_input where libllama refuses the file, stops or crashes, in its own words;
/// with does_not_fit where memory ran out, and with interrupted once `stop` (null: never) is set.
/// Takes as long as a dry run.
[[nodiscard]] Result<PlanningInput> examined_input(const PlanningOptions& options,
                                                   const std::atomic<bool>* stop);

}  // namespace hexcore
