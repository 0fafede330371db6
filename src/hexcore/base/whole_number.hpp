#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>

namespace hexcore {

/// The decimal number that is the whole of `text`: digits alone, no sign and no blanks. Nothing
/// where it is something else, or more than a Number holds.
template <std::unsigned_integral Number = std::uint64_t>
[[nodiscard]] std::optional<Number> whole_number(std::string_view text) {
    Number number = 0;
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, number);
    return parsed.ec == std::errc{} && parsed.ptr == end ? std::optional(number) : std::nullopt;
}

}  // namespace hexcore
