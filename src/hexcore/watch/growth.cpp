#include "hexcore/watch/growth.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <iterator>

#include "hexcore/judge/sampled.hpp"
#include "hexcore/judge/size_text.hpp"
#include "hexcore/judge/theil_sen.hpp"

namespace hexcore {
namespace {

constexpr std::size_t most_means = 512;
constexpr std::size_t fewest_points = 20;
constexpr int warm_up_part = 4;  // a quarter of the time
constexpr double noise_of_level = 0.002;

using Points = std::vector<SeriesPoint>;

/// What is too little to speak of.
double least_noise_of(const Points& points) {
    std::vector<double> levels;
    std::transform(points.begin(), points.end(), std::back_inserter(levels),
                   [](const SeriesPoint& point) { return point.bytes; });
    return std::max(runtime_noise_bytes, noise_of_level * median_of(std::move(levels)));
}

/// How far the points are from the line, for most of them, or what is too little to speak of.
double noise_of(const Points& points, double slope) {
    constexpr double deviations = 4 * 1.4826;  // a median deviation in standard deviations
    std::vector<double> rests;
    std::transform(points.begin(), points.end(), std::back_inserter(rests),
                   [slope](const SeriesPoint& point) { return point.bytes - slope * point.at; });
    const double middle = median_of(rests);
    for (double& rest : rests) {
        rest = std::abs(rest - middle);
    }
    return std::max(least_noise_of(points), deviations * median_of(std::move(rests)));
}

/// The medians of the four quarters of the time.
std::array<double, 4> quarters_of(const Points& points) {
    std::array<double, 4> medians{};
    for (std::size_t part = 0; part < medians.size(); ++part) {
        std::vector<double> values;
        for (std::size_t i = points.size() * part / medians.size();
             i < points.size() * (part + 1) / medians.size(); ++i) {
            values.push_back(points[i].bytes);
        }
        medians[part] = median_of(std::move(values));
    }
    return medians;
}

}  // namespace

GrowthSeries::GrowthSeries() : means_(most_means) {}

void GrowthSeries::add(RecordedTime time, Bytes bytes) {
    if (time < last_) {
        return;
    }
    last_ = time;
    while (time / width_ >= static_cast<std::int64_t>(most_means)) {
        widen();
    }
    Mean& mean = means_[static_cast<std::size_t>(time / width_)];
    mean.sum += bytes.as_double();
    mean.count += 1;
}

void GrowthSeries::widen() {
    width_ *= 2;
    for (std::size_t i = 0; i < most_means; ++i) {
        const std::size_t from = 2 * i;
        means_[i] = from < most_means ? Mean{means_[from].sum + means_[from + 1].sum,
                                             means_[from].count + means_[from + 1].count}
                                      : Mean{};
    }
}

Growth GrowthSeries::judge() const {
    Growth growth;
    growth.warm_up = last_ / warm_up_part;
    Points points;
    for (std::size_t i = 0; i < most_means; ++i) {
        const Mean& mean = means_[i];
        const RecordedTime begin = width_ * static_cast<std::int64_t>(i);
        if (mean.count > 0 && begin >= growth.warm_up) {
            points.push_back({std::chrono::duration<double>(begin).count(), mean.sum / mean.count});
        }
    }
    if (points.size() < fewest_points) {
        growth.why = fmt::format(
            "too short: {} samples after the first quarter of the time, and {} "
            "are needed",
            points.size(), fewest_points);
        return growth;
    }
    const Slope slope = theil_sen(points);
    growth.bytes_per_s = slope.value;
    growth.bytes_per_s_least = slope.least;
    growth.bytes_per_s_most = slope.most;
    const double noise = noise_of(points, growth.bytes_per_s);
    const double time_s = points.back().at - points.front().at;
    const double grown = growth.bytes_per_s * time_s;
    const auto quarters = quarters_of(points);
    const bool rises_throughout = std::adjacent_find(quarters.begin(), quarters.end(),
                                                     std::greater_equal<>()) == quarters.end();
    const bool is_growth = growth.bytes_per_s_least > 0 && grown > noise;
    const double risen = std::max(is_growth ? grown : 0, quarters.back() - quarters.front());
    const Verdict bounds = bounds_of(points, least_noise_of(points));
    if (growth.bytes_per_s_most * time_s <= noise) {
        growth.verdict = Verdict::none;
    } else if (is_growth && rises_throughout) {
        growth.verdict = Verdict::growing;
    } else if (bounds == Verdict::cache || bounds == Verdict::pool) {
        growth.verdict = bounds;
    } else if (risen > noise) {
        growth.why = fmt::format("it rose by {}, but not all of the time, as a cache does",
                                 size_text(risen));
    } else {
        growth.why = fmt::format(
            "it may grow by up to {} a second, which is within what it varies "
            "by; watch it for longer",
            size_text(growth.bytes_per_s_most));
    }
    return growth;
}

}  // namespace hexcore
