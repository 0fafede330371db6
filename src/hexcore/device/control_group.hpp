#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

enum class CgroupVersion { v1, v2 };

/// A control group that this process is in.
struct ControlGroup {
    std::string folder;  ///< without the root's prefix
    CgroupVersion version;
};

/// The process's own control group and its parents in the hierarchies that can have `controller`
/// ("memory", "cpu"), as far as they are visible, innermost first; both versions where both are
/// mounted. None where there are no control groups. Fails with ErrorCode::bad_input where the
/// kernel's list of them does not say what it should.
[[nodiscard]] Result<std::vector<ControlGroup>> control_groups(const ProcRoot& root,
                                                               std::string_view controller);

/// Whether a process is in the control group of that folder or in one below it; false for one that
/// has ended, or whose groups cannot be seen from here.
[[nodiscard]] bool is_in_control_group(const ProcRoot& root, std::uint32_t pid,
                                       std::string_view folder, std::string_view controller);

}  // namespace hexcore
