#pragma once

#include <cstdint>

namespace hexcore {

// The most that can be asked of a plan, by options, by a library's user or by a plan file.
inline constexpr std::uint32_t max_sequences = 256;              ///< libllama's
inline constexpr std::uint32_t max_ubatch = 16384;               ///< tokens computed at once
inline constexpr std::uint32_t max_context_tokens = 16U << 20U;  ///< before libllama pads them

}  // namespace hexcore
