#include "hexcore/base/duration.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>

namespace hexcore {

std::string duration_text(double seconds) {
    const double ms = seconds * 1e3;
    // The limits are where rounding would show another digit.
    if (ms < 9999.5) {
        return fmt::format("{:.{}f} ms", ms, ms < 0.99995 ? 4 : ms < 99.995 ? 2 : 0);
    }
    return fmt::format("{:.{}f} s", seconds, seconds < 99.95 ? 1 : 0);
}

namespace {

/// Under a minute.
std::string seconds_text(double seconds) {
    return fmt::format("{:.{}f} s", seconds, seconds < 9.995 ? 2 : 1);
}
constexpr double under_a_minute = 59.95;

}  // namespace

std::string long_duration_text(double seconds) {
    if (seconds < under_a_minute) {
        return seconds_text(seconds);
    }
    const auto whole = std::llround(seconds);
    if (whole < 3600) {
        return fmt::format("{} min {:02} s", whole / 60, whole % 60);
    }
    return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string clock_text(double seconds) {
    if (seconds < under_a_minute) {
        return seconds_text(seconds);
    }
    const auto whole = std::llround(seconds);
    const std::string minutes = fmt::format("{:02}:{:02}", whole / 60 % 60, whole % 60);
    return whole < 3600 ? minutes : fmt::format("{}:{}", whole / 3600, minutes);
}

std::string rate_text(double per_second) {
    return fmt::format("{:.{}f}", per_second, per_second < 9.995 ? 2 : per_second < 99.95 ? 1 : 0);
}

}  // namespace hexcore
