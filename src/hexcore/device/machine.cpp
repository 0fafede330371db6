#include "hexcore/device/machine.hpp"

namespace hexcore {

Result<DevicesInfo> probe_devices(const ProcRoot& root, const GpuProbeOptions& gpus) {
    HEXCORE_TRY(host, probe_host_memory(root));
    return DevicesInfo{.host = std::move(host), .gpus = probe_gpus(gpus)};
}

MachineMemory machine_memory(const DevicesInfo& devices) {
    MachineMemory machine{.host_available = devices.host.available, .gpus = {}};
    if (devices.gpus.numbering != GpuNumbering::cuda) {
        return machine;
    }
    for (const GpuInfo& gpu : devices.gpus.gpus) {
        machine.gpus.push_back({.index = gpu.index,
                                .free = gpu.free.value_or(gpu.total),
                                .total = gpu.total,
                                .name = gpu.name});
    }
    return machine;
}

Result<MachineMemory> probe_machine() {
    HEXCORE_TRY(devices, probe_devices());
    return machine_memory(devices);
}

}  // namespace hexcore
