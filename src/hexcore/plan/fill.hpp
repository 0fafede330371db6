#pragma once

#include <cstdint>
#include <optional>

#include "hexcore/plan/patterns.hpp"
#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// Gives the experts of a split to devices with the given room, looking for little modelled time.
/// Returns nothing only where pack_experts() finds no packing.
///
/// Every layer starts with its best pattern (Patterns). Devices that are over their room then give
/// experts away, the cheapest way per byte first; last, moves and exchanges between layers that
/// save time are made until none is left or Problem::effort() passes `effort_limit`.
[[nodiscard]] std::optional<CountedPlacement> fill_experts(Problem& problem, Patterns& patterns,
                                                           const Split& split,
                                                           const DeviceBytes& rooms,
                                                           std::uint64_t effort_limit);

}  // namespace hexcore
