#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// What one part of a chart had at each of the chart's times, in units of its device.
struct ChartSeries {
    std::string name;
    std::vector<std::uint64_t> units;
};

/// A way of stacking a chart: a few series, the largest first, and last the rest.
struct ChartView {
    std::string by;  ///< `process` or `purpose`
    std::vector<ChartSeries> series;
};

/// Whether any of them is more than 0.
[[nodiscard]] inline bool has_any(const std::vector<std::uint64_t>& units) {
    return std::any_of(units.begin(), units.end(), [](std::uint64_t each) { return each > 0; });
}

struct PeakPart {
    std::string name;
    std::string series;  ///< which of the first view's it is in
    Bytes bytes;
};

/// What there is of a device, for all or for one who uses it.
struct ChartLimit {
    const char* kind = "size";  ///< or "limit", or "budget"
    Bytes bytes;
};

/// What was in use of a device over time.
struct DeviceChart {
    RecordedDevice device;
    std::vector<ChartLimit> limits;
    std::vector<RecordedTime> times;
    std::vector<ChartView> views;
    /// What of each row is in use by programs that were not watched; empty: the driver does not
    /// tell, or nobody else can be there.
    std::vector<std::uint64_t> unwatched;
    std::size_t peak_row = 0;          ///< of `times`, where there are any
    Bytes peak;                        ///< of the sum over all at that time
    std::vector<PeakPart> peak_parts;  ///< what it was made of, the largest first
};

/// No view has more series with names.
inline constexpr std::size_t chart_series_max = 8;
/// Of which other programs are one.
constexpr std::size_t series_max(bool has_other_programs) {
    return chart_series_max - (has_other_programs ? 1 : 0);
}
/// What is in use beside them.
inline constexpr std::string_view all_others = "all others";
/// What a card has beside what is watched; a driver does not tell these two apart.
inline constexpr std::string_view other_programs = "other programs, driver";

}  // namespace hexcore
