#include "hexcore/reserve/machine_now.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/device/host_memory.hpp"
#include "hexcore/device/processor.hpp"

namespace hexcore {
namespace {

/// Hardware threads that this process may keep busy at once.
std::uint32_t usable_threads() {
    const std::uint32_t by_affinity = std::max(std::thread::hardware_concurrency(), 1U);
    const auto quota = cpu_quota({});
    return quota && *quota < by_affinity ? std::max(static_cast<std::uint32_t>(*quota), 1U)
                                         : by_affinity;
}

}  // namespace

Result<MachineNow> look_at_machine(LookAt at) {
    HEXCORE_TRY(memory, probe_host_memory());
    MachineNow now{.host_total = memory.cgroup_limit.value_or(memory.total),
                   .host_free = memory.available,
                   .cores = usable_threads()};
    if (at == LookAt::host_and_gpus) {
        const GpuList list = probe_gpus();
        const char* prefix = list.numbering == GpuNumbering::cuda ? "cuda:" : "gpu:";
        for (const GpuInfo& gpu : list.gpus) {
            if (gpu.free) {
                now.devices.push_back(
                    {fmt::format("{}{}", prefix, gpu.index), gpu.uuid, gpu.total, *gpu.free});
            }
        }
    }
    return now;
}

}  // namespace hexcore
