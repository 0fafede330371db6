#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

struct DeviceNow {
    std::string name;
    std::string uuid = {};  ///< empty: not known
    Bytes total = {};
    Bytes free = {};
};

/// What there is for this process, and what is free of it.
struct MachineNow {
    Bytes host_total = {};
    Bytes host_free = {};
    std::vector<DeviceNow> devices = {};
    std::uint32_t cores = 0;
};

enum class LookAt { host, host_and_gpus };

/// Looks. Fails with ErrorCode::bad_input where the kernel's files cannot be read. A GPU of which
/// nobody tells what is free is not among the devices. Looking at GPUs starts their driver in this
/// process, so that none that it forks afterwards can use them.
[[nodiscard]] Result<MachineNow> look_at_machine(LookAt at);

}  // namespace hexcore
