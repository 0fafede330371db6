#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "hexcore/recording/recording.hpp"

namespace hexcore {

inline constexpr std::string_view recording_magic = "hexcore.hxr/1\n";
inline constexpr std::uint32_t chunk_bytes_max = 1U << 20U;  ///< packed, and unpacked
inline constexpr std::size_t chunk_header_bytes = 48;

/// What stands before each chunk of a recording.
struct ChunkHeader {
    std::uint32_t packed_bytes = 0;
    std::uint32_t plain_bytes = 0;
    std::uint32_t n_records = 0;
    RecordedTime first{};
    RecordedTime last{};
    std::uint64_t checksum = 0;  ///< of the packed records

    [[nodiscard]] std::array<char, chunk_header_bytes> bytes() const;
    /// Nothing where they are no header, or not as they were written.
    [[nodiscard]] static std::optional<ChunkHeader> from(std::string_view bytes);
};

[[nodiscard]] std::uint64_t chunk_checksum(std::string_view packed);

}  // namespace hexcore
