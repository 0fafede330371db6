#pragma once

#include "hexcore/device/device_spec.hpp"
#include "hexcore/device/folder_space.hpp"
#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/device/host_memory.hpp"

namespace hexcore {

/// All memory that Hexcore can see, for a person to look at.
struct DevicesInfo {
    HostMemory host;
    GpuList gpus;
    FolderSpace parking = {};  ///< for files of parked sessions; whoever knows the folder looks
};

/// Looks at the host's memory and at every GPU. Fails with ErrorCode::bad_input only if the
/// host's cannot be read; a missing or broken driver is a note in `gpus`.
[[nodiscard]] Result<DevicesInfo> probe_devices(const ProcRoot& root = {},
                                                const GpuProbeOptions& gpus = {});

/// What resolve_devices() needs of it: the GPUs that can be used, as cuda:N. A GPU whose free
/// memory nobody can tell counts as wholly free; a load looks again.
[[nodiscard]] MachineMemory machine_memory(const DevicesInfo& devices,
                                           const MeasuredDevices& measured = {});

/// Does both, with what was measured of the devices and kept. Fails with ErrorCode::bad_input, too,
/// if the file that keeps it is damaged.
[[nodiscard]] Result<MachineMemory> probe_machine();

}  // namespace hexcore
