#pragma once

#include <cstdint>
#include <string>

namespace hexcore {

/// Where another process of this program answers.
struct WorkerPlace {
    std::uint16_t port = 0;    ///< on the loopback address
    std::string key = {};      ///< that it wants to be given
    std::uint64_t number = 0;  ///< which of the processes that were started it is
};

}  // namespace hexcore
