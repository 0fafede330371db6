#include "hexcore/report/text_style.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "hexcore/base/utf8.hpp"

namespace hexcore {
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
    constexpr std::string_view blanks = " \t\n";
    for (;;) {
        text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
        const std::string_view word = text.substr(0, text.find_first_of(blanks));
        if (word.empty()) {
            break;
        }
        text.remove_prefix(word.size());
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
