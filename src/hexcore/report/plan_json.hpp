#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// The plan as a "hexcore.plan/1" document (docs/formats/plan.md). json_text() makes it text.
[[nodiscard]] nlohmann::ordered_json plan_json(const Plan& plan);

/// Reads a "hexcore.plan/1" document. Fails with ErrorCode::bad_input, naming the JSON path: not
/// JSON, another schema, a missing key, a wrong type, a size that is negative, fractional or does
/// not match its parts, a device that is not listed, layers that are not contiguous. Keys that it
/// does not know are left alone. Whether the plan fits any machine or model is not looked at.
[[nodiscard]] Result<Plan> plan_from_json(std::string_view text);

}  // namespace hexcore
