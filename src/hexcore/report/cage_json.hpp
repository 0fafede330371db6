#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/cage/guards.hpp"
#include "hexcore/cage/limits.hpp"
#include "hexcore/cage/outcome.hpp"

namespace hexcore {

// What every document says of cages in the same words (docs/formats/limit.md).

/// What protects.
[[nodiscard]] nlohmann::ordered_json guards_json(const Guards& guards);
/// The limit that was reached; null where none was.
[[nodiscard]] nlohmann::ordered_json breach_json(const std::optional<Breach>& breach);
/// What was left.
[[nodiscard]] nlohmann::ordered_json residues_json(const std::vector<Residue>& residues);

/// The document hexcore.limit/1.
[[nodiscard]] nlohmann::ordered_json limit_json(const std::vector<std::string>& command,
                                                const CageLimits& limits, const Guards& guards,
                                                const CageOutcome& outcome);

}  // namespace hexcore
