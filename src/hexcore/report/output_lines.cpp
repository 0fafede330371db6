#include "hexcore/report/output_lines.hpp"

#include <algorithm>

#include "hexcore/base/printable.hpp"

namespace hexcore {
namespace {

/// The length of the escape sequence at the start (ECMA-48: CSI and OSC, or one of two letters); 0:
/// none.
std::size_t escape_length(std::string_view text) {
    if (text.size() < 2 || text[0] != '\x1b') {
        return 0;
    }
    if (text[1] == '[') {
        std::size_t end = 2;
        while (end < text.size() && text[end] >= 0x20 && text[end] < 0x40) {
            ++end;
        }
        return end < text.size() && text[end] >= 0x40 && text[end] < 0x7f ? end + 1 : end;
    }
    if (text[1] == ']') {
        const std::size_t end = text.find_first_of("\a\x1b\n", 2);
        const bool has_end = end != std::string_view::npos && text[end] != '\n';
        return !has_end ? 2 : text[end] == '\a' ? end + 1 : std::min(end + 2, text.size());
    }
    return text[1] >= 0x20 && text[1] < 0x7f ? 2 : 1;
}

}  // namespace

std::string output_lines(std::string_view raw) {
    std::string lines;
    lines.reserve(raw.size());
    while (!raw.empty()) {
        const std::size_t plain = std::min(raw.find_first_of("\n\r\t\x1b"), raw.size());
        lines += printable(raw.substr(0, plain));
        raw.remove_prefix(plain);
        if (raw.empty()) {
            break;
        }
        if (const std::size_t escape = escape_length(raw); escape > 0) {
            raw.remove_prefix(escape);
        } else if (raw.starts_with("\r\n")) {
            raw.remove_prefix(1);
        } else {
            lines += raw.front() == '\r' ? '\n' : raw.front() == '\x1b' ? '?' : raw.front();
            raw.remove_prefix(1);
        }
    }
    return lines;
}

}  // namespace hexcore
