#pragma once

#include <cstddef>
#include <string>

namespace hexcore {

/// What became of memory over time or over repeats of the same work: docs/watch.md, Judging.
enum class Verdict {
    none,          ///< it stayed as it was
    growing,       ///< it grew with time; nothing that repeats is known
    leak,          ///< it grew as the work was repeated, and never came down again
    cache,         ///< it grew in one step or a few, and then no more
    pool,          ///< it rose and fell within bounds
    driver,        ///< the device grew, and what is told to be held of it did not
    inconclusive,  ///< the data does not say
};
[[nodiscard]] constexpr const char* to_string(Verdict verdict) {
    switch (verdict) {
        case Verdict::none:
            return "none";
        case Verdict::growing:
            return "growing";
        case Verdict::leak:
            return "leak";
        case Verdict::cache:
            return "cache";
        case Verdict::pool:
            return "pool";
        case Verdict::driver:
            return "driver";
        case Verdict::inconclusive:
            return "inconclusive";
    }
    return "";
}

/// It goes on growing, as far as it was seen.
[[nodiscard]] constexpr bool is_growth(Verdict verdict) {
    return verdict == Verdict::leak || verdict == Verdict::driver || verdict == Verdict::growing;
}

/// A verdict over repeats, with what it rests on.
struct Judgement {
    Verdict verdict = Verdict::inconclusive;
    double bytes_per_repeat = 0;  ///< by how much it grew
    double least_bytes = 0;       ///< it grew by that a repeat at least
    double most_bytes = 0;    ///< and at most; of no leak: one of more a repeat would have shown
    std::size_t warm_up = 0;  ///< repeats left out at the start
    std::size_t repeats = 0;  ///< those that were judged
    std::size_t known_after = 0;  ///< so many repeats had been enough for the same verdict
    std::string why = {};         ///< of an inconclusive one, what would settle it
};

/// No verdict rests on fewer repeats after the warm-up. That levels which only vary by chance rise
/// eight times in a row has a probability of 1 in 9!, below 1 in 10^5.
inline constexpr std::size_t fewest_repeats = 8;

/// Fills in known_after. `judge_first(n)` judges the first n repeats alone.
template <typename JudgeFirst>
Judgement with_known_after(std::size_t n, const JudgeFirst& judge_first) {
    Judgement judgement = judge_first(n);
    judgement.known_after = n;
    for (std::size_t fewer = n - n / 8 - 1; fewer > fewest_repeats && fewer < n;
         fewer -= fewer / 8 + 1) {
        if (judge_first(fewer).verdict != judgement.verdict) {
            break;
        }
        judgement.known_after = fewer;
    }
    return judgement;
}

}  // namespace hexcore
