#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// Memory of a GPU that somebody is going to take.
struct DeviceClaim {
    std::string name;       ///< as `--device` has it in that process: "cuda:0"
    std::string uuid = {};  ///< the driver's; empty: not known
    Bytes bytes = {};
    Bytes used = {};  ///< how much of it is taken by now, as far as it was told
};

/// What somebody is going to take of a machine.
struct Claim {
    Bytes host = {};  ///< main memory, that of capped host devices included
    std::vector<DeviceClaim> devices = {};
    std::uint32_t cores = 0;  ///< processors that it keeps busy; 0: they are not counted
};

/// Whether two names are of one device: their UUIDs say so, or where one has none, their names.
[[nodiscard]] inline bool is_same_device(std::string_view name, std::string_view uuid,
                                         std::string_view other_name, std::string_view other_uuid) {
    return uuid.empty() || other_uuid.empty() ? name == other_name : uuid == other_uuid;
}

}  // namespace hexcore
