#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/report/live_screen.hpp"

namespace hexcore {

// What live screens are put together of.

/// "+12.0 MiB", "-3.1 MiB"; "0 B".
[[nodiscard]] std::string signed_bytes(std::int64_t bytes);
[[nodiscard]] std::string clock_of(RecordedTime time);

/// A bar for each device of the source and each holder in it, against what there is of it.
[[nodiscard]] std::vector<LiveLine> live_bars(const LiveState& state, std::size_t chosen,
                                              std::size_t columns, Charset charset);

/// A device's line over time with its axes, in so many rows, at least 3.
[[nodiscard]] std::vector<LiveLine> live_chart(const LiveState& state, std::size_t device,
                                               LiveSize size, Charset charset);

struct LiveTable {
    std::string title;
    std::vector<LivePart> parts;
    LiveSort sort = LiveSort::bytes;
    std::optional<RecordedTime> marked = {};  ///< changes count from then
};
/// A heading and at most `rows - 1` parts, sorted; what did not fit is counted in the last.
[[nodiscard]] std::vector<LiveLine> live_lines_of(LiveTable table, LiveSize size);

}  // namespace hexcore
