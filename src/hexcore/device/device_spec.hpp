#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/device_limit.hpp"
#include "hexcore/device/measured_device.hpp"

namespace hexcore {

/// What a `--device` names.
enum class DeviceKind { host, cuda, rpc };
[[nodiscard]] const char* to_string(DeviceKind kind);

/// What a device's name says: "host1", "cuda:0", "rpc:HOST:PORT".
struct DeviceName {
    DeviceKind kind = DeviceKind::host;
    std::uint32_t index = 0;    ///< of a capped host device or a GPU
    std::string endpoint = {};  ///< HOST:PORT of an RPC server
};
/// Fails with ErrorCode::bad_input for what is no device's name.
[[nodiscard]] Result<DeviceName> parse_device_name(std::string_view name);

/// One device as asked for, with its budget. Names: "host0", "host1", ... in order of
/// appearance, "cuda:0", "rpc:HOST:PORT".
struct DeviceSpec {
    DeviceKind kind = DeviceKind::host;
    std::string name;
    std::uint32_t cuda_index = 0;  ///< for cuda
    std::string gpu_name = {};     ///< what its driver calls the card, for cuda
    std::string endpoint = {};     ///< HOST:PORT, for rpc
    Bytes budget = {};  ///< zero for an rpc server named without a size, until give_budget()
    Bytes reserve = {};
    /// What was measured of the card or the processor; nothing if it was not measured.
    std::optional<MeasuredDevice> measured = {};
};

/// What the machine has, by which resolve_devices() goes. Probe functions fill it, or tests do.
struct MachineMemory {
    Bytes host_available;  ///< MemAvailable, or what the cgroup leaves if that is lower
    struct Gpu {
        std::uint32_t index = 0;
        Bytes free;
        Bytes total;
        std::string name = {};  ///< what its driver calls it, such as "NVIDIA H100 PCIe"
        std::optional<MeasuredDevice> measured = {};
    };
    std::vector<Gpu> gpus;
    std::optional<MeasuredDevice> measured_host = {};
    std::vector<DeviceLimit> limits = {};  ///< that this process runs within
};

/// Looks the `--device` arguments up on the machine: `host=320MiB`, `cuda:0`, `cuda:0=16GiB`,
/// `rpc:HOST:PORT[=SIZE]`, or a bare size, which is the next GPU with that budget if there are
/// GPUs, and a capped host device otherwise. No argument stands for all GPUs with what they have
/// free, or without GPUs for one host device with what the machine has free. An empty `reserve`
/// stands for default_reserve() of each budget. GPUs named by number are never given to a
/// bare size. Errors: usage (malformed, same GPU or server twice), missing_device (no such GPU, or
/// more bare sizes than GPUs), does_not_fit (a GPU budget over what the card has, one over the
/// limit that this process runs within, a reserve that is not under the budget).
[[nodiscard]] Result<std::vector<DeviceSpec>> resolve_devices(
    const std::vector<std::string>& arguments, std::optional<Bytes> reserve,
    const MachineMemory& machine);

/// What stays free of a budget unless something else is asked for: a sixteenth, 1 GiB at most.
[[nodiscard]] inline Bytes default_reserve(Bytes budget) {
    return std::min(Bytes(budget.count() / 16), 1_GiB);
}

/// Gives `spec` its budget and reserve, by the rules above; for the rpc server that is named
/// without a size, once it has said what it has. Fails with does_not_fit if the reserve leaves
/// nothing.
[[nodiscard]] Result<void> give_budget(DeviceSpec& spec, Bytes budget,
                                       std::optional<Bytes> reserve);

}  // namespace hexcore
