#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hexcore/report/live_view.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// How a piece of a live view's line stands out.
enum class LiveLook {
    plain,
    heading,
    dim,
    chosen,   ///< of a list
    device,   ///< in the colour of a device
    warning,  ///< something that grows
};

/// A piece of a line, printable.
struct LiveSpan {
    std::string text = {};
    LiveLook look = LiveLook::plain;
    std::size_t device = 0;  ///< whose colour
};
using LiveLine = std::vector<LiveSpan>;

struct LiveSize {
    std::size_t rows = 24;
    std::size_t columns = 80;
};

/// A screen of a live view: so many lines, none wider than the screen. Of a screen that is too
/// small for it, a line that says so.
[[nodiscard]] std::vector<LiveLine> live_screen(const LiveView& view,
                                                const std::vector<LiveSource>& sources,
                                                LiveSize size, Charset charset);

/// For where there is no screen: a line for each source that is not over, or for the machine where
/// there is no other, each ended.
[[nodiscard]] std::string live_lines(const std::vector<LiveSource>& sources);

}  // namespace hexcore
