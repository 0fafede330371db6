#pragma once

#include <string>
#include <vector>

#include "hexcore/report/recording_charts.hpp"
#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// As many of each device's rows are on the page, at most.
inline constexpr std::size_t page_rows_max = 4000;

/// A recording as a page of HTML that needs nothing else: charts over time, what the peaks were
/// made of, growth, labels, processes. Its content policy lets only its own script run, and asks
/// nothing of any network; whatever a recording has reaches it as data. Words of programs are cut
/// after 200 bytes.
[[nodiscard]] std::string recording_page(const WatchFindings& findings,
                                         const RecordingDrawing& drawing);

}  // namespace hexcore
