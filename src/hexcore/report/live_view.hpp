#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hexcore/watch/live_sources.hpp"

namespace hexcore {

enum class LiveSort { bytes, change, peak, name };
[[nodiscard]] constexpr const char* to_string(LiveSort sort) {
    switch (sort) {
        case LiveSort::bytes:
            return "bytes";
        case LiveSort::change:
            return "change";
        case LiveSort::peak:
            return "peak";
        case LiveSort::name:
            return "name";
    }
    return "";
}

/// What somebody who looks at a live view may want.
enum class LiveKey { up, down, enter, leave, device, pause, mark, baseline, sort, help, quit };

/// What is chosen of a live view.
struct LiveView {
    std::uint64_t source = 0;  ///< its id; 0: what was watched last
    bool alone = false;        ///< without the list of sources
    std::size_t device = 0;    ///< of the source's
    LiveSort sort = LiveSort::bytes;
    bool paused = false;
    bool help = false;
};

/// The source that is chosen; of an empty list null.
[[nodiscard]] const LiveSource* chosen_source(const LiveView& view,
                                              const std::vector<LiveSource>& sources);
/// The chosen one of its devices, from 0 on.
[[nodiscard]] std::size_t chosen_device(const LiveView& view, const LiveSource& source);

/// What a key changes. What is not a matter of the view is left to the caller: mark, baseline,
/// quit.
void press(LiveKey key, const std::vector<LiveSource>& sources, LiveView& view);

}  // namespace hexcore
