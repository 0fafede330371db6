#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hexcore {

/// Makes code points of UTF-8, byte by byte. What is no UTF-8 becomes U+FFFD.
class CodePoints {
public:
    /// Adds what the byte ends to `to`: nothing, a code point, or two of which one is U+FFFD.
    void add(char byte, std::wstring& to);
    /// Nothing follows: a code point that was begun is none.
    void finish(std::wstring& to);

    [[nodiscard]] static std::wstring of(std::string_view text);

private:
    std::uint32_t code_ = 0;
    std::uint32_t least_ = 0;  ///< what has so many bytes is at least so large
    int missing_ = 0;          ///< bytes
};

/// Adds code points as UTF-8.
void append_utf8(std::string& text, std::wstring_view codes);

}  // namespace hexcore
