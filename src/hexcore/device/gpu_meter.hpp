#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/device/gpu_probe.hpp"
#include "hexcore/device/nvml.hpp"

namespace hexcore {

/// What is in use of a GPU at one time.
struct GpuReading {
    Bytes used;  ///< what the driver keeps for itself included
    Bytes free;
    std::vector<NvmlProcess> processes;  ///< none where the driver does not tell
};

/// Reads again and again what is in use of the GPUs, by NVML: without a CUDA context, and so
/// without taking GPU memory.
class GpuMeter {
public:
    /// Finds the GPUs as probe_gpus() does. None where there is no driver.
    explicit GpuMeter(const GpuProbeOptions& options = {});

    struct Gpu {
        std::string name;  ///< "cuda:0", or "gpu 0" where CUDA cannot be used
        std::string card;  ///< as its driver calls it
        Bytes total;
        std::string uuid = {};  ///< the driver's
    };
    [[nodiscard]] const std::vector<Gpu>& gpus() const { return gpus_; }
    /// Whether the pids of readings are those of this process's own view.
    [[nodiscard]] bool tells_own_pids() const { return tells_own_pids_; }
    /// Nothing where the driver does not tell.
    [[nodiscard]] std::optional<GpuReading> read(std::size_t gpu) const;

private:
    std::optional<Nvml> nvml_;
    std::vector<Gpu> gpus_;
    std::vector<Nvml::Handle*> handles_;
    bool tells_own_pids_ = false;
};

}  // namespace hexcore
