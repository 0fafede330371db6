#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hexcore/base/result.hpp"
#include "hexcore/reserve/claim.hpp"

namespace hexcore {

enum class ReservationState : std::uint8_t { held, waiting };

/// What a file of docs/formats/reservations.md says.
struct ReservationRecord {
    std::string file = {};  ///< its name in the folder; not in the document
    std::uint32_t pid = 0;
    std::uint64_t start = 0;          ///< in the kernel's ticks since the machine's start
    std::uint64_t pid_namespace = 0;  ///< 0: not known
    std::string name = {};
    ReservationState state = ReservationState::held;
    std::uint64_t ticket = 0;
    std::string within = {};
    Claim claim = {};
    std::optional<Bytes> host_used = {};  ///< nothing: whoever reads it looks at the process
    Bytes host_base = {};
    std::uint32_t cores_wanted = 0;  ///< how many more it would keep busy, if others left them
};

/// The document hexcore.reservation/1, on one line.
[[nodiscard]] std::string reservation_json(const ReservationRecord& record);
/// Reads it back without trust. Fails with ErrorCode::bad_input for what the format does not allow.
[[nodiscard]] Result<ReservationRecord> read_reservation(std::string_view text);

inline constexpr std::size_t reservation_bytes_max = 64 << 10;
inline constexpr std::size_t reservation_name_max = 1024;

}  // namespace hexcore
