#pragma once

#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/report/json_cursor.hpp"

namespace hexcore {

/// Reads `layer_device` and `expert_device` of a plan document into a plan whose model and devices
/// are there already, and checks the one against the other: lengths, device indices, contiguous
/// layers, and the counts that each device states. Fails with ErrorCode::bad_input.
[[nodiscard]] Result<void> read_placement(const JsonCursor& root, Plan& plan);

}  // namespace hexcore
