// What samples say of memory whose allocations nobody tells.
//
// Samples are neither independent nor of a known distribution, so no test is used that takes them
// for that. They are put into 16 blocks of equally many, of which the medians count. A leak is a
// line: it grew by more than eight times the range in which the medians lie around their Theil-Sen
// line, however they came by that. 16 values of white noise do not do that once in 2 million cases,
// and a random walk, the worst that memory without a leak does, in 2 to 4 of 10^5
// (tests/judge/sampled_test.cpp). A cache that fills bends or stops, and a sawtooth falls: both
// leave the line by more.

#include "hexcore/judge/sampled.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "hexcore/base/bytes.hpp"
#include "hexcore/judge/size_text.hpp"

namespace hexcore {
namespace {

constexpr std::size_t n_blocks = 16;
constexpr double straightness = 8;  // times the range around the line
constexpr double warm_up_share = 0.25;
constexpr double rising_share = 0.7;  // of all pairs of blocks

using Points = std::vector<SeriesPoint>;

double bytes_median(Points::const_iterator begin, Points::const_iterator end) {
    std::vector<double> values;
    std::transform(begin, end, std::back_inserter(values),
                   [](const SeriesPoint& point) { return point.bytes; });
    return median_of(std::move(values));
}

/// Points after the warm-up, in blocks.
struct Blocks {
    Points medians;
    double noise = 0;  ///< by how much points differ by chance
    double least = 0;
    double most = 0;

    explicit Blocks(const Points& points) : noise(noise_of(points)) {
        for (std::size_t block = 0; block < n_blocks; ++block) {
            const auto at = [&](std::size_t number) {
                return points.begin() +
                       static_cast<std::ptrdiff_t>(points.size() * number / n_blocks);
            };
            medians.push_back({(at(block)->at + std::prev(at(block + 1))->at) / 2,
                               bytes_median(at(block), at(block + 1))});
        }
        const auto [low, high] = extremes(medians.begin(), medians.end());
        least = low;
        most = high;
    }
    /// Six standard deviations, by the differences of neighbours, in which no trend is.
    [[nodiscard]] static double noise_of(const Points& points) {
        constexpr double deviations = 6 * 1.4826 / 1.4142;
        std::vector<double> differences;
        for (std::size_t i = 1; i < points.size(); ++i) {
            differences.push_back(std::abs(points[i].bytes - points[i - 1].bytes));
        }
        return deviations * median_of(std::move(differences));
    }
    [[nodiscard]] static std::pair<double, double> extremes(Points::const_iterator begin,
                                                            Points::const_iterator end) {
        const auto [low, high] = std::minmax_element(
            begin, end,
            [](const SeriesPoint& a, const SeriesPoint& b) { return a.bytes < b.bytes; });
        return {low->bytes, high->bytes};
    }
    [[nodiscard]] Points::const_iterator half() const { return medians.begin() + n_blocks / 2; }
    /// In how large a range they lie around a line of that slope.
    [[nodiscard]] double range_around(double slope) const {
        Points rests = medians;
        for (SeriesPoint& rest : rests) {
            rest.bytes -= slope * rest.at;
        }
        const auto [low, high] = extremes(rests.begin(), rests.end());
        return high - low;
    }
    /// Most later ones are above most earlier ones.
    [[nodiscard]] bool rise(Points::const_iterator begin) const {
        std::size_t rising = 0;
        std::size_t pairs = 0;
        for (auto a = begin; a != medians.end(); ++a) {
            for (auto b = a + 1; b != medians.end(); ++b) {
                ++pairs;
                rising += b->bytes > a->bytes ? 1 : 0;
            }
        }
        return static_cast<double>(rising) > (1 + rising_share) / 2 * static_cast<double>(pairs);
    }
    [[nodiscard]] Verdict bounds(double least_noise_bytes) const {
        const double enough = std::max(least_noise_bytes, noise);
        const auto [early_least, early_most] = extremes(medians.begin(), half());
        const auto [late_least, late_most] = extremes(half(), medians.end());
        if (most - least <= enough) {
            return rise(medians.begin()) && most > least ? Verdict::inconclusive : Verdict::none;
        }
        if (late_most - late_least <= enough && late_most - medians.front().bytes > enough &&
            !rise(half())) {
            return Verdict::cache;
        }
        if (late_most <= early_most + enough &&
            late_least <= bytes_median(medians.begin(), half())) {
            return Verdict::pool;
        }
        return Verdict::inconclusive;
    }
};

/// Whether it had been at that level in its warm-up, for as many points as a block has, and came
/// down again. The first repeat doesn't count: it makes much that the others find.
bool was_as_high(const Points& warm_up, std::size_t block, double level) {
    for (std::size_t i = 1; i + block <= warm_up.size(); ++i) {
        const auto begin = warm_up.begin() + static_cast<std::ptrdiff_t>(i);
        if (bytes_median(begin, begin + static_cast<std::ptrdiff_t>(block)) >= level) {
            return true;
        }
    }
    return false;
}

}  // namespace

Verdict bounds_of(const std::vector<SeriesPoint>& points, double least_noise_bytes) {
    return Blocks(points).bounds(least_noise_bytes);
}

Judgement judge_samples(const std::vector<SeriesPoint>& points, double least_noise_bytes) {
    Judgement judgement;
    if (points.empty()) {
        judgement.why = "there are no samples of it";
        return judgement;
    }
    const double all = points.back().at - points.front().at;
    const auto begin =
        std::partition_point(points.begin(), points.end(), [&](const SeriesPoint& point) {
            return point.at < points.front().at + std::max(1.0, warm_up_share * all);
        });
    const Points kept(begin, points.end());
    const double repeats = kept.empty() ? 0 : points.back().at - kept.front().at;
    judgement.repeats = static_cast<std::size_t>(repeats);
    judgement.warm_up = static_cast<std::size_t>(all - repeats);
    if (kept.size() < n_blocks || judgement.repeats + 1 < n_blocks) {
        judgement.why = fmt::format(
            "too few: {} repeats after the warm-up, with {} samples, and {} are needed of each",
            judgement.repeats, kept.size(), n_blocks);
        return judgement;
    }
    const Blocks blocks(kept);
    const double slope = theil_sen(blocks.medians).value;
    const double range = blocks.range_around(slope);
    const double length = blocks.medians.back().at - blocks.medians.front().at;
    const double grown = slope * length;
    judgement.bytes_per_repeat = slope;
    judgement.least_bytes = (grown - range) / length;
    judgement.most_bytes = (grown + range) / length;
    if (!was_as_high({points.begin(), begin}, kept.size() / n_blocks, blocks.most) &&
        grown > least_noise_bytes && grown > straightness * range) {
        judgement.verdict = Verdict::leak;
        return judgement;
    }
    judgement.verdict = blocks.bounds(least_noise_bytes);
    if (judgement.verdict == Verdict::inconclusive) {
        // The noise of medians falls with the root of their number, while a leak grows with it.
        const double longer = std::cbrt(std::pow(
            straightness * std::max(range, least_noise_bytes / straightness) / std::max(grown, 1.0),
            2));
        judgement.why =
            grown > 0
                ? fmt::format(
                      "it rose by {}, too little for how much it varies, {}, or for how "
                      "seldom it rose; {} repeats may settle it",
                      size_text(grown), size_text(range),
                      static_cast<std::size_t>(std::ceil(all * std::clamp(longer, 2.0, 16.0))))
                : fmt::format(
                      "it varies by {}, and has not been at each level twice; twice "
                      "as many repeats may settle it",
                      size_text(blocks.most - blocks.least));
    }
    return judgement;
}

}  // namespace hexcore
