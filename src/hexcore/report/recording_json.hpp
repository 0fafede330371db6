#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// The document hexcore.recording/1, as docs/formats/recording.md has it.
[[nodiscard]] nlohmann::ordered_json recording_json(const WatchFindings& findings);

}  // namespace hexcore
