#pragma once

#include <vector>

namespace hexcore {

struct SeriesPoint {
    double at = 0;  ///< seconds, or repeats
    double bytes = 0;
};

/// A slope with bounds, in bytes for each unit of `at`.
struct Slope {
    double value = 0;
    double least = 0;
    double most = 0;
};

/// Their median; there is one value at least.
[[nodiscard]] double median_of(std::vector<double> values);

/// Theil and Sen's slope, the median of the slopes between all pairs, which a few wild points do
/// not move, with Sen's bounds of 99 % (P. K. Sen, Estimates of the regression coefficient based on
/// Kendall's tau, 1968). The bounds take the points for independent, which memory's are not. There
/// are two points at least, with rising `at`.
[[nodiscard]] Slope theil_sen(const std::vector<SeriesPoint>& points);

}  // namespace hexcore
