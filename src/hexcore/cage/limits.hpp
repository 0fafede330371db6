#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/device_limit.hpp"

namespace hexcore {

/// What a caged command may take; nothing: as much as there is.
struct CageLimits {
    std::optional<Bytes> memory = {};  ///< of all its processes together
    std::vector<DeviceLimit> devices = {};
    std::optional<std::uint32_t> processes = {};  ///< at once, threads included
    /// RLIMIT_DATA of each process as well, at `memory`: an allocation over it fails in the program
    /// itself. It counts address space, not memory, and misses shared memory.
    bool data_limit = false;
};

/// Fails with ErrorCode::usage where no program could start within them.
[[nodiscard]] Result<void> check_limits(const CageLimits& limits);

}  // namespace hexcore
