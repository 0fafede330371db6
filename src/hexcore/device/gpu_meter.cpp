#include "hexcore/device/gpu_meter.hpp"

#include <utility>

#include "hexcore/device/gpu_holder.hpp"

namespace hexcore {

GpuMeter::GpuMeter(const GpuProbeOptions& options)
    : tells_own_pids_(!HolderNames(options.root).in_container()) {
    const auto library = DynamicLibrary::open(options.nvml_library);
    if (!library) {
        return;
    }
    auto nvml = Nvml::start(*library);
    if (!nvml) {
        return;
    }
    nvml_.emplace(std::move(*nvml));
    const GpuList list = probe_gpus(options);
    const bool numbered_by_cuda = list.numbering == GpuNumbering::cuda;
    for (const GpuInfo& gpu : list.gpus) {
        const auto handle =
            numbered_by_cuda ? nvml_->by_uuid(gpu.uuid) : nvml_->by_index(gpu.index);
        if (handle && gpu.free) {
            gpus_.push_back({fmt::format("{}{}", numbered_by_cuda ? "cuda:" : "gpu ", gpu.index),
                             gpu.name, gpu.total, gpu.uuid});
            handles_.push_back(*handle);
        }
    }
}

std::optional<GpuReading> GpuMeter::read(std::size_t gpu) const {
    const auto memory = nvml_->memory(handles_[gpu]);
    if (!memory) {
        return std::nullopt;
    }
    return GpuReading{
        .used = saturating_subtract(memory->total, memory->free),
        .free = memory->free,
        .processes = nvml_->processes(handles_[gpu]).value_or(std::vector<NvmlProcess>())};
}

}  // namespace hexcore
