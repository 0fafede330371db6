#pragma once

#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/control_group.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

/// One control group that limits this process's memory.
struct CgroupMemory {
    std::string path;   ///< its folder, without the root's prefix
    Bytes limit;        ///< memory.max, or memory.limit_in_bytes of version 1
    Bytes used;         ///< memory.current, or memory.usage_in_bytes
    Bytes reclaimable;  ///< the page cache in it, which the kernel gives up before it refuses

    /// What the process can still take within the limit.
    [[nodiscard]] Bytes left() const {
        return saturating_subtract(limit, saturating_subtract(used, reclaimable));
    }
};

/// Those of `own`, the process's control groups for "memory", that limit it, in the same order.
/// Fails with ErrorCode::bad_input for a file that does not say what it should.
[[nodiscard]] Result<std::vector<CgroupMemory>> memory_cgroups(
    const ProcRoot& root, const std::vector<ControlGroup>& own);

}  // namespace hexcore
