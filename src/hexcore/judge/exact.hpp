#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "hexcore/judge/verdict.hpp"

namespace hexcore {

/// Allocations of one site that were alive at the same ends of repeats. The first repeat is 0.
struct Lifetime {
    static constexpr std::size_t alive = std::numeric_limits<std::size_t>::max();

    std::size_t born = 0;      ///< they were taken in this repeat: alive at its end
    std::size_t died = alive;  ///< the first repeat after `born` at whose end they weren't any more
    double bytes = 0;
};

/// What one site, or one purpose of one holder, had at the end of each repeat. There is no noise in
/// it: each level is what was told to be alive.
struct ExactHistory {
    std::vector<double> levels;       ///< bytes; sums of what no memory is do not overflow
    std::vector<Lifetime> lifetimes;  ///< by rising `born`; none: only the levels are known
};

/// How it is judged: docs/watch.md, Judging.
[[nodiscard]] Judgement judge_exact(const ExactHistory& history);

}  // namespace hexcore
