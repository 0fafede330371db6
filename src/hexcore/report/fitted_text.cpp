#include "hexcore/report/fitted_text.hpp"

#include <wchar.h>

#include <algorithm>
#include <cstdint>

#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

/// The character that printable text begins with, and its columns.
struct Character {
    std::string_view bytes;
    int columns = 0;
};

Character first_of(std::string_view text) {
    std::size_t length = 1;
    while (length < text.size() && is_continuation(text[length])) {
        ++length;
    }
    const auto first = static_cast<unsigned char>(text.front());
    if (length == 1) {
        return {text.substr(0, 1), 1};
    }
    std::uint32_t code = first & (0xFFU >> (length + 1));
    for (const char byte : text.substr(1, length - 1)) {
        code = (code << 6U) | (static_cast<unsigned char>(byte) & 0x3FU);
    }
    return {text.substr(0, length), ::wcwidth(static_cast<wchar_t>(code))};
}

}  // namespace

std::size_t terminal_columns(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const Character next = first_of(text);
        columns += static_cast<std::size_t>(std::max(next.columns, 0));
        text.remove_prefix(next.bytes.size());
    }
    return columns;
}

std::string fitted(std::string_view text, std::size_t columns, Align align) {
    constexpr std::string_view ellipsis = "...";
    const std::string whole = printable(text);
    std::string result;
    std::size_t taken = 0;
    std::string cut;  // where there is room for an ellipsis behind it
    std::size_t cut_columns = 0;
    for (std::string_view rest = whole; !rest.empty();) {
        const Character next = first_of(rest);
        rest.remove_prefix(next.bytes.size());
        // What the locale does not know is no character there; marks need one to stand on.
        const std::string_view bytes = next.columns < 0 ? std::string_view("?") : next.bytes;
        const auto width = static_cast<std::size_t>(next.columns < 0 ? 1 : next.columns);
        if (width == 0) {
            continue;
        }
        if (taken + width > columns) {
            result = cut + std::string(ellipsis.substr(0, columns - cut_columns));
            taken = cut_columns + std::min(ellipsis.size(), columns - cut_columns);
            break;
        }
        result += bytes;
        taken += width;
        if (taken + ellipsis.size() <= columns) {
            cut = result;
            cut_columns = taken;
        }
    }
    const std::string fill(columns - taken, ' ');
    return align == Align::left ? result + fill : fill + result;
}

}  // namespace hexcore
