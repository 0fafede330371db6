#include <algorithm>
#include <utility>

#include "hexcore/cage/caged_command.hpp"

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
    const auto same = [&](const auto& entry) { return entry.device == device; };
    auto peak = std::find_if(outcome_.devices.begin(), outcome_.devices.end(), same);
    if (peak == outcome_.devices.end() && used > Bytes()) {
        outcome_.devices.push_back({device, used});
    } else if (peak != outcome_.devices.end()) {
        peak->peak = std::max(peak->peak, used);
    }
    const auto limit =
        std::find_if(parts_.limits.devices.begin(), parts_.limits.devices.end(), same);
    if (limit != parts_.limits.devices.end() && used > limit->limit && !killed_) {
        std::sort(owners.begin(), owners.end(),
                  [](const MemoryOwner& a, const MemoryOwner& b) { return a.bytes > b.bytes; });
        breach(device, limit->limit, used, std::move(owners));
    }
}

}  // namespace hexcore
