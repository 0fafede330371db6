#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "hexcore/watch/repeat_findings.hpp"

namespace hexcore {

/// `repeats` of the document hexcore.recording/1.
[[nodiscard]] nlohmann::ordered_json repeats_json(const std::vector<RepeatFindings>& repeats);

}  // namespace hexcore
