#include <algorithm>
#include <utility>

#include "hexcore/cage/caged_command.hpp"
#include "hexcore/device/device_entry.hpp"
#include "hexcore/device/device_limit.hpp"

namespace hexcore {

void CagedCommand::take_device_reading(const std::string& device,
                                       const std::vector<MemoryOwner>& holders) {
    if (is_over_) {
        return;
    }
    const std::vector<pid_t> pids = members();
    Bytes used;
    std::vector<MemoryOwner> owners;
    for (const MemoryOwner& holder : holders) {
        if (std::find(pids.begin(), pids.end(), static_cast<pid_t>(holder.pid)) != pids.end()) {
            used += holder.bytes;
            owners.push_back(holder);
        }
    }
    if (used > Bytes()) {
        DevicePeak& peak = entry_of(outcome_.devices, device);
        peak.peak = std::max(peak.peak, used);
    }
    const std::optional<Bytes> limit = limit_of(parts_.limits.devices, device);
    if (limit && used > *limit && !killed_) {
        std::sort(owners.begin(), owners.end(),
                  [](const MemoryOwner& a, const MemoryOwner& b) { return a.bytes > b.bytes; });
        breach(device, *limit, used, std::move(owners));
    }
}

}  // namespace hexcore
