#pragma once

#include <optional>

#include "hexcore/base/result.hpp"
#include "hexcore/device/folder_space.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// What is asked for sessions that make room in the cache.
struct ParkingWish {
    std::optional<Bytes> memory = Bytes();  ///< none: the ordinary limit
    std::optional<Bytes> files = Bytes();   ///< none: no files

    /// With what a plan says that was made before, where nothing is asked for.
    [[nodiscard]] ParkingWish or_as_in(const Plan& plan) const;
};

/// What this machine has for them.
struct ParkingRoom {
    Bytes main_memory;       ///< all that there is for this process
    Bytes main_memory_free;  ///< of it, at the moment
    FolderSpace files = {};
};

/// Of host memory unless another limit is asked for, or the machine has little.
inline constexpr Bytes ordinary_parking = 256_MiB;

/// What a plan takes of main memory, on capped host devices and beside them. What libllama leaves
/// in its mapping of the file is page cache, which the kernel takes back.
[[nodiscard]] Bytes main_memory_of(const Plan& plan);

/// The limits for what is asked. Ordinary ones are at most a sixteenth of main memory, and half of
/// what the plan leaves of it, if it fits now. Fails with ErrorCode::does_not_fit where main memory
/// cannot hold the plan and them, or the disk not the files, with what would fit; with
/// ErrorCode::usage where there is no way to a file.
[[nodiscard]] Result<ParkingLimits> limit_parking(const Plan& plan, const ParkingWish& wish,
                                                  const ParkingRoom& room);

/// Fails with ErrorCode::does_not_fit where a disk has not so much room for files of sessions; one
/// that nobody can tell of passes.
[[nodiscard]] Result<void> check_parking_files(Bytes files, const FolderSpace& space);

/// To be advised: a lower limit of host memory, where `left` is at least a MiB.
[[nodiscard]] std::vector<Remedy> lower_parking(Bytes left);

}  // namespace hexcore
