#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

/// What a control group and those below it have gone through.
struct CgroupEvents {
    std::string path;            ///< its folder, without the root's prefix
    std::uint64_t at_limit = 0;  ///< how often its limit was in the way and nothing could be freed
    std::uint64_t oom_killed = 0;  ///< processes of it that the kernel killed for their memory
    Bytes peak;                    ///< the most that it ever used; 0: the kernel does not tell
};

/// The events of the control groups that this process is in, innermost first. Groups whose counts
/// cannot be read are left out.
[[nodiscard]] std::vector<CgroupEvents> cgroup_events(const ProcRoot& root = {});

/// The file that tells what a control group uses just now, of either version.
[[nodiscard]] std::string cgroup_usage_file(const ProcRoot& root, const std::string& folder);

}  // namespace hexcore
