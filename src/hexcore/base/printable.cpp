#include "hexcore/base/printable.hpp"

#include <array>
#include <cstdint>

#include "hexcore/base/check.hpp"
#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

constexpr std::string_view ellipsis = "...";

/// The length of the well-formed, printable code point at the start of `text`, or 0.
std::size_t printable_length(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) {
        return first >= 0x20 && first != 0x7F ? 1 : 0;
    }
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || text.size() < length) {
        return 0;
    }
    std::uint32_t code = first & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if (!is_continuation(text[i])) {
            return 0;
        }
        code = (code << 6U) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    }
    constexpr std::array<std::uint32_t, 5> least = {0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    const bool control = code < 0xA0;
    const bool line_end = code == 0x2028 || code == 0x2029;
    // U+202A..202E and U+2066..2069 turn the order of what follows them around.
    const bool turns = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
    const bool not_a_character = code >= 0xFFFE && code <= 0xFFFF;
    const bool valid = code >= least[length] && code <= 0x10FFFF && !surrogate;
    return valid && !control && !line_end && !turns && !not_a_character ? length : 0;
}

}  // namespace

std::string printable(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const std::size_t length = printable_length(text);
        if (length == 0) {
            result += '?';
            text.remove_prefix(1);
        } else {
            result += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return result;
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
    HEXCORE_CHECK(bytes_max >= ellipsis.size(), bytes_max, ellipsis.size());
    std::string result = printable(text);
    if (result.size() <= bytes_max) {
        return result;
    }
    std::size_t end = bytes_max - ellipsis.size();
    while (end > 0 && is_continuation(result[end])) {
        --end;
    }
    return result.substr(0, end).append(ellipsis);
}

}  // namespace hexcore
