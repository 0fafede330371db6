#include "hexcore/base/duration.hpp"

#include <fmt/format.h>

namespace hexcore {

std::string duration_text(double seconds) {
    const double ms = seconds * 1e3;
    // The limits are where rounding would show another digit.
    if (ms < 9999.5) {
        return fmt::format("{:.{}f} ms", ms, ms < 0.99995 ? 4 : ms < 99.995 ? 2 : 0);
    }
    return fmt::format("{:.{}f} s", seconds, seconds < 99.95 ? 1 : 0);
}

std::string rate_text(double per_second) {
    return fmt::format("{:.{}f}", per_second, per_second < 9.995 ? 2 : per_second < 99.95 ? 1 : 0);
}

}  // namespace hexcore
