#include "hexcore/base/parse_duration.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <system_error>

namespace hexcore {
namespace {

struct TimeUnit {
    std::string_view name;
    double ms;
};
constexpr std::array time_units = {TimeUnit{"ms", 1},   TimeUnit{"s", 1e3},
                                   TimeUnit{"", 1e3},   TimeUnit{"min", 60e3},
                                   TimeUnit{"m", 60e3}, TimeUnit{"h", 3600e3}};
constexpr double year_ms = 366.0 * 24 * 3600e3;

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    if (parsed.ec != std::errc{} || text.front() < '0' || text.front() > '9') {
        return fail(ErrorCode::usage, "'{}' is not a time; write 500ms, 30s, 10min or 2h", text);
    }
    const std::string_view unit_text(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    for (const TimeUnit& unit : time_units) {
        if (unit.name != unit_text) {
            continue;
        }
        const double ms = std::round(number * unit.ms);
        if (ms < 1 || ms > year_ms) {
            return fail(ErrorCode::usage, "'{}' is no time to wait; give 1ms to a year", text);
        }
        return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
    }
    return fail(ErrorCode::usage, "'{}' has the unknown unit '{}'; use ms, s, min or h", text,
                unit_text);
}

}  // namespace hexcore
