#include "hexcore/base/bytes.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include "hexcore/base/whole_number.hpp"

namespace hexcore {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

constexpr std::uint64_t kilo = 1000;
constexpr std::uint64_t kibi = 1024;
constexpr std::array units = {
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"K", kibi},
    Unit{"KiB", kibi},
    Unit{"KB", kilo},
    Unit{"M", kibi* kibi},
    Unit{"MiB", kibi* kibi},
    Unit{"MB", kilo* kilo},
    Unit{"G", kibi* kibi* kibi},
    Unit{"GiB", kibi* kibi* kibi},
    Unit{"GB", kilo* kilo* kilo},
    Unit{"T", kibi* kibi* kibi* kibi},
    Unit{"TiB", kibi* kibi* kibi* kibi},
    Unit{"TB", kilo* kilo* kilo* kilo},
};

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) {
        return false;
    }
    for (std::size_t i = 0; i < a.size(); ++i) {
        if ((a[i] | 0x20) != (b[i] | 0x20)) {
            return false;
        }
    }
    return true;
}

}  // namespace

Result<Bytes> parse_bytes(std::string_view text) {
    double number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    const bool starts_with_digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
    if (parsed.ec != std::errc{} || !starts_with_digit) {
        return fail(ErrorCode::usage, "'{}' is not a size; write 16GiB, 512MiB or plain bytes",
                    text);
    }
    const std::string_view unit_text(parsed.ptr, static_cast<std::size_t>(end - parsed.ptr));
    for (const Unit& unit : units) {
        if (!equals_ignoring_case(unit.name, unit_text)) {
            continue;
        }
        const double bytes = number * static_cast<double>(unit.factor);
        if (bytes >= 18446744073709551615.0) {
            return fail(ErrorCode::usage, "'{}' is more than 64 bits of bytes can count", text);
        }
        if (const auto exact = whole_number(text.substr(0, text.size() - unit_text.size()))) {
            return Bytes(*exact *
                         unit.factor);  // a double would lose the last bits of a large count
        }
        return Bytes(static_cast<std::uint64_t>(std::llround(bytes)));
    }
    return fail(ErrorCode::usage,
                "'{}' has the unknown unit '{}'; use KiB, MiB, GiB, TiB or KB, MB, GB, TB", text,
                unit_text);
}

std::string to_string(Bytes size) {
    static constexpr std::array names = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = size.as_double();
    std::size_t unit = 0;
    while (value >= 1024.0 && unit + 1 < names.size()) {
        value /= 1024.0;
        ++unit;
    }
    if (unit == 0) {
        return fmt::format("{} B", size.count());
    }
    const int decimals = unit >= 3 ? 2 : (value >= 100.0 ? 0 : 1);
    return fmt::format("{:.{}f} {}", value, decimals, names[unit]);
}

}  // namespace hexcore
