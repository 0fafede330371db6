#pragma once

namespace hexcore {

/// Whether a byte of UTF-8 belongs to the character that an earlier one has begun.
[[nodiscard]] constexpr bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace hexcore
