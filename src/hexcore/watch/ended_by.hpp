#pragma once

#include <string>
#include <vector>

#include "hexcore/device/cgroup_events.hpp"
#include "hexcore/recording/recording.hpp"

namespace hexcore {

/// Who killed a process, by what its control groups had gone through before and after.
struct EndedBy {
    KilledBy killed_by = KilledBy::unknown;
    std::string cgroup;  ///< whose limit it was
};

/// Of a process that SIGKILL has ended.
[[nodiscard]] inline EndedBy ended_by(const std::vector<CgroupEvents>& before,
                                      const std::vector<CgroupEvents>& after) {
    bool killed_for_memory = false;
    std::string limit;
    for (const CgroupEvents& group : after) {
        for (const CgroupEvents& old : before) {
            if (old.path != group.path) {
                continue;
            }
            killed_for_memory = killed_for_memory || group.oom_killed > old.oom_killed;
            if (limit.empty() && group.at_limit > old.at_limit) {
                limit = group.path;  // the innermost: those around it count the same event
            }
        }
    }
    if (!killed_for_memory) {
        return {};
    }
    return {limit.empty() ? KilledBy::oom_killer : KilledBy::cgroup, limit};
}

}  // namespace hexcore
