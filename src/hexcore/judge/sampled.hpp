#pragma once

#include <vector>

#include "hexcore/judge/theil_sen.hpp"
#include "hexcore/judge/verdict.hpp"

namespace hexcore {

/// What runtimes and the C library take now and then, without leaking.
inline constexpr double runtime_noise_bytes = 1 << 20;

/// Judges samples of a level: `at` is how many repeats were done, and never falls. Less than
/// `least_noise_bytes` in all is nothing to speak of. It says leak of memory that doesn't in less
/// than 1 of 10^4 cases, also if its level wanders: docs/watch.md, Judging.
[[nodiscard]] Judgement judge_samples(const std::vector<SeriesPoint>& points,
                                      double least_noise_bytes = runtime_noise_bytes);

/// Which bounds a level that is no leak keeps to after the warm-up: none, cache, pool, or
/// inconclusive. There are 16 points at least.
[[nodiscard]] Verdict bounds_of(const std::vector<SeriesPoint>& points, double least_noise_bytes);

}  // namespace hexcore
