#include "hexcore/watch/growth.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>

namespace hexcore {
namespace {

constexpr std::size_t most_means = 512;
constexpr std::size_t fewest_points = 20;
constexpr int warm_up_part = 4;     // a quarter of the time
constexpr double quantile = 2.576;  // of the normal distribution, for 99 %
constexpr double least_noise_bytes = 1 << 20;
constexpr double noise_of_level = 0.002;

struct Point {
    double s = 0;
    double bytes = 0;
};

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// All slopes between two points, sorted.
std::vector<double> slopes_of(const std::vector<Point>& points) {
    std::vector<double> slopes;
    slopes.reserve(points.size() * (points.size() - 1) / 2);
    for (std::size_t i = 0; i < points.size(); ++i) {
        for (std::size_t j = i + 1; j < points.size(); ++j) {
            slopes.push_back((points[j].bytes - points[i].bytes) / (points[j].s - points[i].s));
        }
    }
    std::sort(slopes.begin(), slopes.end());
    return slopes;
}

/// How far the points are from the line, for most of them; and what is too little to speak of.
double noise_of(const std::vector<Point>& points, double slope) {
    constexpr double deviations = 4 * 1.4826;  // a median deviation in standard deviations
    std::vector<double> rests;
    std::vector<double> levels;
    for (const Point& point : points) {
        rests.push_back(point.bytes - slope * point.s);
        levels.push_back(point.bytes);
    }
    const double middle = median(rests);
    for (double& rest : rests) {
        rest = std::abs(rest - middle);
    }
    return std::max({least_noise_bytes, noise_of_level * median(std::move(levels)),
                     deviations * median(std::move(rests))});
}

/// The medians of the four quarters of the time.
std::array<double, 4> quarters_of(const std::vector<Point>& points) {
    std::array<double, 4> medians{};
    for (std::size_t part = 0; part < medians.size(); ++part) {
        std::vector<double> values;
        for (std::size_t i = points.size() * part / medians.size();
             i < points.size() * (part + 1) / medians.size(); ++i) {
            values.push_back(points[i].bytes);
        }
        medians[part] = median(std::move(values));
    }
    return medians;
}

std::string size_text(double bytes) {
    return to_string(Bytes(static_cast<std::uint64_t>(std::max(0.0, bytes))));
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
    std::vector<Point> points;
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
    const std::vector<double> slopes = slopes_of(points);
    const auto n = static_cast<double>(points.size());
    const double spread = quantile * std::sqrt(n * (n - 1) * (2 * n + 5) / 18);
    const auto count = static_cast<double>(slopes.size());
    const auto at = [&](double rank) {
        return slopes[static_cast<std::size_t>(std::clamp(rank, 0.0, count - 1))];
    };
    growth.bytes_per_s = at(count / 2);
    growth.bytes_per_s_least = at((count - spread) / 2);
    growth.bytes_per_s_most = at((count + spread) / 2);
    const double noise = noise_of(points, growth.bytes_per_s);
    const double time_s = points.back().s - points.front().s;
    const double grown = growth.bytes_per_s * time_s;
    const auto quarters = quarters_of(points);
    const bool rises_throughout = std::adjacent_find(quarters.begin(), quarters.end(),
                                                     std::greater_equal<>()) == quarters.end();
    const bool is_growth = growth.bytes_per_s_least > 0 && grown > noise;
    const double risen = std::max(is_growth ? grown : 0, quarters.back() - quarters.front());
    if (growth.bytes_per_s_most * time_s <= noise) {
        growth.verdict = GrowthVerdict::none;
    } else if (is_growth && rises_throughout) {
        growth.verdict = GrowthVerdict::growing;
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
