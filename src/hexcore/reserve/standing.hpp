#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/reserve/machine_now.hpp"
#include "hexcore/reserve/reservation_record.hpp"

namespace hexcore {

/// What stays untouched whoever asks.
struct KeptBack {
    Bytes reserved = {};  ///< of main memory and of each device
    Bytes min_free = {};  ///< that has to be free for a newcomer before it takes any
};

/// What reservations leave of what is free.
struct Left {
    Bytes host = {};
    std::vector<DeviceNow> devices = {};  ///< `free`: what is left
    std::uint32_t cores = 0;
};

inline constexpr const char* host_text = "main memory";
inline constexpr const char* cores_text = "cores";

/// One thing that a newcomer wants and there is too little of.
struct ResourceShortage {
    std::string what;          ///< "main memory", the device's name, "cores"
    std::uint64_t wanted = 0;  ///< bytes, or cores; what it wants more than it has
    std::uint64_t left = 0;
    bool is_forever = false;  ///< it wants more than there is altogether
};

/// Fills in what is used of reservations whose processes do not say: what the process holds by now
/// more than when it made the first of them, in the order of their tickets. `held(pid)`: what it
/// holds, where that can be told.
void deal_out_used(std::vector<ReservationRecord>& records, std::uint64_t pid_namespace,
                   const std::function<std::optional<Bytes>(std::uint32_t pid)>& held);

/// What `records` leave, those that wait included.
[[nodiscard]] Left left_of(const MachineNow& now, const std::vector<ReservationRecord>& records);

/// Those that are no part of `file`, at any depth, nor it a part of them; whatever is within one
/// that is left out is by itself then.
[[nodiscard]] std::vector<ReservationRecord> strangers_to(
    const std::string& file, const std::vector<ReservationRecord>& records);

/// How many processors `own` may keep busy, of `cores` that there are: what others leave, at least
/// one; where others want more, too, no more than each gets.
[[nodiscard]] std::uint32_t cores_for(const ReservationRecord& own, std::uint32_t cores,
                                      const std::vector<ReservationRecord>& records);

/// Whether `newcomer`, which is not among the records or is there as it has been so far, can have
/// what it wants: nothing where it can. By docs/formats/reservations.md: those with a smaller
/// ticket that wait count as if they held.
[[nodiscard]] std::vector<ResourceShortage> shortages_of(
    const ReservationRecord& newcomer, const MachineNow& now,
    const std::vector<ReservationRecord>& records, const KeptBack& kept = {});

}  // namespace hexcore
