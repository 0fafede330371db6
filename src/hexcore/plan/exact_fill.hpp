#pragma once

#include <cstdint>
#include <optional>

#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// What exact_fill() found out.
struct ExactFill {
    /// Faster than `seconds_below`; empty where nothing is, or the search was given up.
    std::optional<CountedPlacement> better;
    bool complete = false;  ///< the search came to its end, so there is nothing better still
    std::uint64_t steps = 0;
};

/// The fastest way to give a split's experts to devices with the given room, by dynamic programming
/// over the layers: a state is the bytes of experts on each device so far, and keeps its least
/// time. States that cannot come under `seconds_below` even if all further layers were free to lie
/// as they like are dropped. Given up after `max_steps` transitions.
[[nodiscard]] ExactFill exact_fill(Problem& problem, const Split& split, const DeviceBytes& rooms,
                                   double seconds_below, std::uint64_t max_steps);

}  // namespace hexcore
