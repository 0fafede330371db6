// What the ends of repeats say of memory whose every allocation is known.
//
// Two questions are asked of a site, each of a series that has no noise:
//
// 1. What outlived all else? Of the allocations that are still alive, those count which are older
//    than any that was released ever became: a cache that evicts, a queue or a pool releases its
//    oldest in time, a leak never does. So a page a repeat is found below a working set of any size
//    that is taken at the same place.
// 2. How high is it? A buffer that is replaced by a larger one leaves nothing behind that outlives
//    it, and yet it grows.
//
// Both series are judged by the same rule, goes_on(): how often it rose, and how long it has not.
// A rise is expected again after at most the longest wait so far; one that does not come for three
// times as long has ended. Nothing can be known of what happens more seldom than it was watched.

#include "hexcore/judge/exact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>

#include "hexcore/base/bytes.hpp"
#include "hexcore/judge/sampled.hpp"
#include "hexcore/judge/size_text.hpp"

namespace hexcore {
namespace {

using Levels = std::vector<double>;

constexpr std::size_t fewest_rises = 7;   // chance orders eight levels so once in 8!
constexpr std::size_t regular_rises = 4;  // enough of those at equal distances and of equal size
constexpr std::size_t patience = 3;       // times the longest wait
constexpr std::size_t warm_up_part = 4;   // a quarter of the repeats at most
constexpr double lasting_share = 0.25;    // of what it grew or how often, in the second half

/// The end from which on the level, or the step to the next one, stayed the same for a repeat.
std::size_t warm_up_of(const Levels& levels) {
    const std::size_t most = levels.size() / warm_up_part;
    for (std::size_t i = 0; i < most; ++i) {
        const double step = levels[i + 1] - levels[i];
        if (step == 0 || (i > 0 && step == levels[i] - levels[i - 1])) {
            return i;
        }
    }
    return most;
}

/// Where a series rose above all that it had been, and by how much.
struct Rises {
    std::vector<std::size_t> at;
    std::vector<double> bytes;
    std::size_t longest_wait = 0;  ///< before one, from the start or the one before
    std::size_t since = 0;         ///< repeats after the last one
    double grown = 0;
    double grown_late = 0;   ///< in the second half
    std::size_t n_late = 0;  ///< rises in it

    explicit Rises(const Levels& levels) {
        double highest = levels.front();
        for (std::size_t i = 1; i < levels.size(); ++i) {
            if (levels[i] <= highest) {
                continue;
            }
            longest_wait = std::max(longest_wait, i - (at.empty() ? 0 : at.back()));
            at.push_back(i);
            bytes.push_back(levels[i] - highest);
            grown += bytes.back();
            if (2 * i > levels.size() - 1) {
                grown_late += bytes.back();
                ++n_late;
            }
            highest = levels[i];
        }
        since = levels.size() - 1 - (at.empty() ? 0 : at.back());
    }
    /// At equal distances (but for one), and of the same size.
    [[nodiscard]] bool regular() const {
        const std::size_t distance = at[1] - at[0];
        for (std::size_t i = 1; i < at.size(); ++i) {
            if (at[i] - at[i - 1] + 1 < distance || at[i] - at[i - 1] > distance + 1 ||
                bytes[i] != bytes[0]) {
                return false;
            }
        }
        return true;
    }
    /// So much a repeat, from one rise to another; of those in the second half if they are enough,
    /// so that a large step before them is none of it.
    [[nodiscard]] double rate() const {
        const std::size_t first = n_late >= regular_rises ? at.size() - n_late : 0;
        return at.size() < 2
                   ? 0
                   : std::accumulate(bytes.begin() + static_cast<std::ptrdiff_t>(first) + 1,
                                     bytes.end(), 0.0) /
                         static_cast<double>(at.back() - at[first]);
    }
};

enum class Going { never, on, ended, unknown };

Going goes_on(const Rises& rises) {
    const std::size_t n = rises.at.size();
    if (n == 0) {
        return Going::never;
    }
    if (rises.since >= std::max(fewest_repeats, patience * rises.longest_wait)) {
        return Going::ended;
    }
    const bool often = n >= fewest_rises || (n >= regular_rises && rises.regular());
    const bool lasts = rises.grown_late >= lasting_share * rises.grown ||
                       static_cast<double>(rises.n_late) >= lasting_share * static_cast<double>(n);
    return often && lasts && rises.since <= rises.longest_wait ? Going::on : Going::unknown;
}

std::string more_repeats(const Rises& rises) {
    const std::size_t flat = std::max(fewest_repeats, patience * rises.longest_wait);
    return fmt::format(
        "it rose {} times, by {} in all, the last time {} repeats before the end; {} more repeats "
        "would show whether that goes on",
        rises.at.size(), size_text(rises.grown), rises.since,
        flat > rises.since ? flat - rises.since : fewest_repeats);
}

/// What outlived all that was released, by the repeat in which it was taken: of those after the
/// warm-up in which it could become as old. Nothing if only levels are known.
Levels outlived(const ExactHistory& history, std::size_t warm_up) {
    const std::size_t n = history.levels.size();
    std::size_t oldest = 0;
    for (const Lifetime& lifetime : history.lifetimes) {
        if (lifetime.died < n) {
            oldest = std::max(oldest, lifetime.died - lifetime.born);
        }
    }
    if (history.lifetimes.empty() || oldest + warm_up + fewest_repeats >= n) {
        return {};
    }
    Levels sum(n - oldest, 0.0);
    for (const Lifetime& lifetime : history.lifetimes) {
        if (lifetime.died >= n && lifetime.born < sum.size()) {
            sum[lifetime.born] += lifetime.bytes;
        }
    }
    std::partial_sum(sum.begin(), sum.end(), sum.begin());
    return {sum.begin() + static_cast<std::ptrdiff_t>(warm_up), sum.end()};
}

/// In its second half it is down again at what it often had in its first: no more than the least of
/// its upper quarter there.
bool returns(const Levels& levels) {
    const auto half = levels.begin() + static_cast<std::ptrdiff_t>(levels.size() / 2);
    Levels early(levels.begin(), half);
    const auto often = early.begin() + static_cast<std::ptrdiff_t>(early.size() * 3 / 4);
    std::nth_element(early.begin(), often, early.end());
    return *std::min_element(half, levels.end()) <= *often;
}

/// A level that falls now and then, by statistics.
Judgement judged_as_noisy(const Levels& levels) {
    std::vector<SeriesPoint> points;
    for (std::size_t i = 0; i < levels.size(); ++i) {
        points.push_back({static_cast<double>(i), levels[i]});
    }
    Judgement judgement = judge_samples(points, 0);
    if (judgement.verdict == Verdict::none) {
        judgement.verdict = Verdict::pool;
    }
    return judgement;
}

/// What is left of a history after its warm-up.
struct Tail {
    Levels levels;
    Levels outlived;
    bool is_held = false;  ///< some of it was taken in a repeat, and is still there
};

Judgement leak(Judgement judgement, const Rises& rises) {
    judgement.verdict = Verdict::leak;
    judgement.bytes_per_repeat = rises.rate();
    judgement.least_bytes = judgement.bytes_per_repeat;
    judgement.most_bytes = judgement.bytes_per_repeat;
    return judgement;
}

Judgement judge_never_falling(const Tail& tail, Judgement judgement) {
    const Rises rises(tail.levels);
    switch (goes_on(rises)) {
        case Going::on:
            return leak(judgement, rises);
        case Going::never:
            judgement.verdict = tail.is_held ? Verdict::cache : Verdict::none;
            break;
        case Going::ended:
            judgement.verdict = Verdict::cache;
            judgement.most_bytes = rises.bytes.back() / static_cast<double>(rises.since + 1);
            break;
        case Going::unknown:
            judgement.why = more_repeats(rises);
    }
    return judgement;
}

Judgement judge_falling(const Tail& tail, Judgement judgement) {
    if (!tail.outlived.empty()) {
        const Rises rises(tail.outlived);
        const Going going = goes_on(rises);
        if (going == Going::on) {
            return leak(judgement, rises);
        }
        if (going == Going::unknown) {
            judgement.why = more_repeats(rises);
            return judgement;
        }
    }
    Judgement noisy = judged_as_noisy(tail.levels);
    noisy.warm_up += judgement.warm_up;
    if (noisy.verdict == Verdict::inconclusive && !tail.outlived.empty() && returns(tail.levels)) {
        judgement.verdict = Verdict::pool;
        return judgement;
    }
    return noisy;
}

}  // namespace

Judgement judge_exact(const ExactHistory& history) {
    const Levels& levels = history.levels;
    Judgement judgement;
    judgement.warm_up = levels.size() < 2 ? 0 : warm_up_of(levels);
    judgement.repeats = levels.empty() ? 0 : levels.size() - 1 - judgement.warm_up;
    if (judgement.repeats < fewest_repeats) {
        judgement.why = fmt::format("too few repeats: {} after the warm-up, and {} are needed",
                                    judgement.repeats, fewest_repeats);
        return judgement;
    }
    const auto begin = levels.begin() + static_cast<std::ptrdiff_t>(judgement.warm_up);
    const Tail tail{
        .levels = Levels(begin, levels.end()),
        .outlived = outlived(history, judgement.warm_up),
        .is_held = levels.front() < *begin || (!history.lifetimes.empty() && levels.back() > 0)};
    return std::is_sorted(begin, levels.end()) ? judge_never_falling(tail, judgement)
                                               : judge_falling(tail, judgement);
}

}  // namespace hexcore
