#pragma once

#include <optional>

#include "hexcore/plan/placement.hpp"
#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// Whole layers with all their experts, under `caps`: of the splits with the evenest fill (the
/// least highest fill of a budget) the one of least modelled time. Exact; nothing where no split
/// fits.
[[nodiscard]] std::optional<CountedPlacement> place_whole_layers(Problem& problem,
                                                                 const DeviceBytes& caps);

/// The reference case's rule; looks at budgets, but not at whether they suffice.
///
/// All experts of the first layer that has any stay on its home. From then on expert e of a layer
/// at home on device h of n goes to device (h + e) mod n. The layers are dealt so that the fullest
/// device is the least full, counting what the rule itself puts on each device (its dealt experts,
/// the first layer's experts, the output) and a KV cache for the whole trained context, when known:
/// so the split does not change with the planned context, and memory is evenest when it is needed
/// most. With `trained_context` false the planned KV cache is counted instead.
[[nodiscard]] Placement place_alternating(const Problem& problem, bool trained_context);

}  // namespace hexcore
