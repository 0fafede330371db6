#pragma once

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

struct PeakPart {
    std::string name;
    std::string series;  ///< which of the first view's it is in
    Bytes bytes;
};

/// What was in use of a device over time.
struct DeviceChart {
    RecordedDevice device;
    std::vector<RecordedTime> times;
    std::vector<ChartView> views;
    std::size_t peak_row = 0;          ///< of `times`, where there are any
    Bytes peak;                        ///< of the sum over all at that time
    std::vector<PeakPart> peak_parts;  ///< what it was made of, the largest first
};

/// No view has more series with names.
inline constexpr std::size_t chart_series_max = 8;
/// What is in use beside them.
inline constexpr std::string_view all_others = "all others";

}  // namespace hexcore
