#include "hexcore/cli/code_points.hpp"

#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

constexpr wchar_t none = 0xFFFD;

}  // namespace

void CodePoints::add(char byte, std::wstring& to) {
    const auto value = static_cast<unsigned char>(byte);
    if (missing_ > 0 && is_continuation(byte)) {
        code_ = (code_ << 6U) | (value & 0x3FU);
        if (--missing_ == 0) {
            const bool surrogate = code_ >= 0xD800 && code_ <= 0xDFFF;
            const bool valid = code_ >= least_ && code_ <= 0x10FFFF && !surrogate;
            to += valid ? static_cast<wchar_t>(code_) : none;
        }
        return;
    }
    finish(to);
    if (value < 0x80) {
        to += static_cast<wchar_t>(value);
    } else if (value < 0xC2 || value > 0xF4) {
        to += none;
    } else {
        missing_ = value >= 0xF0 ? 3 : value >= 0xE0 ? 2 : 1;
        least_ = value >= 0xF0 ? 0x10000 : value >= 0xE0 ? 0x800 : 0x80;
        code_ = value & (0x3FU >> static_cast<unsigned>(missing_));
    }
}

void CodePoints::finish(std::wstring& to) {
    if (missing_ > 0) {
        missing_ = 0;
        to += none;
    }
}

std::wstring CodePoints::of(std::string_view text) {
    std::wstring codes;
    CodePoints decoder;
    for (const char byte : text) {
        decoder.add(byte, codes);
    }
    decoder.finish(codes);
    return codes;
}

void append_utf8(std::string& text, std::wstring_view codes) {
    for (const wchar_t each : codes) {
        const auto code = static_cast<char32_t>(each);
        if (code < 0x80) {
            text += static_cast<char>(code);
            continue;
        }
        const unsigned more = code >= 0x10000 ? 3 : code >= 0x800 ? 2 : 1;
        const char32_t lead = 0xFF00U >> (more + 1);  // as many ones as there are bytes
        text += static_cast<char>((lead & 0xFFU) | (code >> (6 * more)));
        for (unsigned left = more; left-- > 0;) {
            text += static_cast<char>(0x80U | ((code >> (6 * left)) & 0x3FU));
        }
    }
}

}  // namespace hexcore
