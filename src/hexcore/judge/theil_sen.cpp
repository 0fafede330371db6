#include "hexcore/judge/theil_sen.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace hexcore {

double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

Slope theil_sen(const std::vector<SeriesPoint>& points) {
    constexpr double quantile = 2.576;  // of the normal distribution, for 99 %
    std::vector<double> slopes;
    slopes.reserve(points.size() * (points.size() - 1) / 2);
    for (std::size_t i = 0; i < points.size(); ++i) {
        for (std::size_t j = i + 1; j < points.size(); ++j) {
            slopes.push_back((points[j].bytes - points[i].bytes) / (points[j].at - points[i].at));
        }
    }
    std::sort(slopes.begin(), slopes.end());
    const auto n = static_cast<double>(points.size());
    const double spread = quantile * std::sqrt(n * (n - 1) * (2 * n + 5) / 18);
    const auto count = static_cast<double>(slopes.size());
    const auto at = [&](double rank) {
        return slopes[static_cast<std::size_t>(std::clamp(rank, 0.0, count - 1))];
    };
    return {at(count / 2), at((count - spread) / 2), at((count + spread) / 2)};
}

}  // namespace hexcore
