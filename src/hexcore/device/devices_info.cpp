#include "hexcore/device/devices_info.hpp"

#include "hexcore/device/processor.hpp"

namespace hexcore {
namespace {

std::optional<MeasuredDevice> kept(const MeasuredDevices& measured, const std::string& name,
                                   const std::string& driver) {
    const MeasuredDevice* found = measured.find(name, driver);
    return found == nullptr ? std::nullopt : std::optional(*found);
}

}  // namespace

Result<DevicesInfo> probe_devices(const ProcRoot& root, const GpuProbeOptions& gpus) {
    HEXCORE_TRY(host, probe_host_memory(root));
    return DevicesInfo{.host = std::move(host), .gpus = probe_gpus(gpus)};
}

MachineMemory machine_memory(const DevicesInfo& devices, const MeasuredDevices& measured) {
    MachineMemory machine{.host_available = devices.host.available, .gpus = {}};
    if (devices.gpus.numbering != GpuNumbering::cuda) {
        return machine;
    }
    for (const GpuInfo& gpu : devices.gpus.gpus) {
        machine.gpus.push_back({.index = gpu.index,
                                .free = gpu.free.value_or(gpu.total),
                                .total = gpu.total,
                                .name = gpu.name,
                                .measured = kept(measured, gpu.name, gpu.driver)});
    }
    return machine;
}

Result<MachineMemory> probe_machine() {
    HEXCORE_TRY(devices, probe_devices());
    HEXCORE_TRY(measured, MeasuredDevices::read(measured_devices_path()));
    MachineMemory machine = machine_memory(devices, measured);
    machine.measured_host = kept(measured, processor_name(), "");
    HEXCORE_TRY(limits, own_device_limits());
    machine.limits = std::move(limits);
    return machine;
}

}  // namespace hexcore
