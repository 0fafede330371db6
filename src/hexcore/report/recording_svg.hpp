#pragma once

#include <string>
#include <vector>

#include "hexcore/report/recording_charts.hpp"
#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// As many of each device's rows are in the picture, at most: one a pixel.
inline constexpr std::size_t picture_rows_max = 640;

/// A recording as a picture: each device's use over time, what its peak was made of, and whether it
/// grew.
[[nodiscard]] std::string recording_svg(const WatchFindings& findings,
                                        const RecordingDrawing& drawing);

}  // namespace hexcore
