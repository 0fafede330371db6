#include "hexcore/report/text_style.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace hexcore {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

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

char device_symbol(DeviceId device) {
    constexpr std::string_view symbols =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return device.value() < symbols.size() ? symbols[device.value()] : '*';
}

std::string device_escape(DeviceId device) {
    // Of the 256-colour table: readable on black and on white, neighbours far apart.
    constexpr std::array<int, 16> colors = {33,  208, 35,  199, 99, 142, 37,  160,
                                            108, 171, 172, 69,  29, 205, 101, 244};
    return fmt::format("\x1b[38;5;{}m", colors[device.value() % colors.size()]);
}

std::string paint(std::string_view text, DeviceId device, Color color) {
    if (color == Color::never) {
        return std::string(text);
    }
    return fmt::format("{}{}\x1b[0m", device_escape(device), text);
}

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

std::string plural(std::uint64_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::size_t text_columns(std::string_view text) {
    std::size_t columns = 0;
    for (const char c : text) {
        columns += is_continuation(c) ? 0 : 1;
    }
    return columns;
}

std::vector<std::string> wrap_text(std::string_view text, std::size_t columns) {
    std::vector<std::string> lines;
    std::string line;
    while (!text.empty()) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(word.size() == text.size() ? word.size() : word.size() + 1);
        if (!line.empty() && text_columns(line) + 1 + text_columns(word) > columns) {
            lines.push_back(std::move(line));
            line.clear();
        } else if (!line.empty()) {
            line += ' ';
        }
        line += word;
    }
    if (!line.empty()) {
        lines.push_back(std::move(line));
    }
    return lines;
}

std::string hanging_paragraph(std::string_view lead, std::string_view text, std::size_t columns) {
    const std::size_t width = std::min(columns, report_columns);
    std::string result;
    std::string start(lead);
    for (const std::string& line : wrap_text(text, width - std::min(text_columns(lead), width))) {
        result += start + line + '\n';
        start.assign(text_columns(lead), ' ');
    }
    return result;
}

}  // namespace hexcore
