#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

/// A process that holds memory of a GPU.
struct GpuHolder {
    std::uint32_t pid = 0;       ///< as the driver tells it: the machine's number
    std::string command;         ///< empty where it cannot be found out
    std::optional<Bytes> bytes;  ///< nothing where the driver does not say
};

struct GpuInfo {
    std::uint32_t index = 0;  ///< see GpuNumbering
    std::string name;
    std::string uuid;         ///< with its prefix, "GPU-" or "MIG-"; may be empty
    std::string driver = {};  ///< its driver's version; empty where NVML does not tell
    Bytes total;
    std::optional<Bytes> free;  ///< nothing where NVML, the only one to tell, is not there
    std::vector<GpuHolder> holders;

    /// What is not free, that which no listed process holds included.
    [[nodiscard]] std::optional<Bytes> used() const {
        return free ? std::optional(saturating_subtract(total, *free)) : std::nullopt;
    }
};

/// What the index of a GPU means.
enum class GpuNumbering {
    cuda,     ///< it is the N of cuda:N: CUDA's order, among what CUDA_VISIBLE_DEVICES shows
    pci_bus,  ///< NVML's order: CUDA is not there, so that the GPUs can be watched but not used
};

struct GpuList {
    std::vector<GpuInfo> gpus;
    GpuNumbering numbering = GpuNumbering::cuda;
    std::string note;  ///< sentences on what is missing and why; not empty where `gpus` is
};

struct GpuProbeOptions {
    std::string cuda_library = "libcuda.so.1";
    std::string nvml_library = "libnvidia-ml.so.1";
    ProcRoot root = {};  ///< where processes are looked up
};

/// Lists the GPUs of this machine. CUDA says which there are and in which order; NVML, matched by
/// UUID or else by PCI address since it numbers them its own way, says what is free and who holds
/// the rest. Makes no CUDA context, so looking takes no GPU memory. Never fails: what could not be
/// found out is in the note.
[[nodiscard]] GpuList probe_gpus(const GpuProbeOptions& options = {});

/// What the driver says that this process holds of cuda:`index`, its CUDA context included.
/// Nothing where the driver does not say, or where its pids cannot be this process's (a container).
[[nodiscard]] std::optional<Bytes> held_by_this_process(std::uint32_t index,
                                                        const GpuProbeOptions& options = {});

}  // namespace hexcore
