#include "hexcore/device/gpu_probe.hpp"

#include <unistd.h>

#include <algorithm>

#include "hexcore/device/cuda_driver.hpp"
#include "hexcore/device/gpu_holder.hpp"
#include "hexcore/device/nvml.hpp"

namespace hexcore {
namespace {

/// Gathers the list and the sentences about what is missing from it.
class Lister {
public:
    explicit Lister(const GpuProbeOptions& options) : names_(options.root) {}

    template <typename... Args>
    void note(fmt::format_string<Args...> format, Args&&... args) {
        const std::string sentence = fmt::format(format, std::forward<Args>(args)...);
        // The same holds for every GPU of a machine, and is said once.
        if (list_.note.find(sentence) == std::string::npos) {
            list_.note += (list_.note.empty() ? "" : " ") + sentence;
        }
    }

    /// Adds a GPU with what NVML knows of it, unless that is that it is lost.
    void add(GpuInfo gpu, const Nvml& nvml, Nvml::Handle* handle) {
        const auto memory = nvml.memory(handle);
        if (memory) {
            gpu.total = memory->total;
            gpu.free = memory->free;
        } else if (memory.error().status == NvmlStatus::not_supported ||
                   memory.error().status == NvmlStatus::no_permission) {
            note("How much of GPU {} is free is not known: {}.", gpu.index, memory.error().message);
        } else {
            note("GPU {} ({}) is left out: {}.", gpu.index, gpu.name, memory.error().message);
            return;
        }
        gpu.driver = nvml.driver_version().value_or("");
        const auto processes = nvml.processes(handle);
        if (!processes) {
            note("Who holds memory of GPU {} is not known: {}.", gpu.index,
                 processes.error().message);
        } else {
            add_holders(gpu, *processes);
        }
        list_.gpus.push_back(std::move(gpu));
    }

    void add_without_nvml(GpuInfo gpu) { list_.gpus.push_back(std::move(gpu)); }

    [[nodiscard]] bool empty() const { return list_.gpus.empty(); }
    void set_numbering(GpuNumbering numbering) { list_.numbering = numbering; }

    GpuList finish() {
        std::sort(list_.gpus.begin(), list_.gpus.end(),
                  [](const GpuInfo& a, const GpuInfo& b) { return a.index < b.index; });
        return std::move(list_);
    }

private:
    void add_holders(GpuInfo& gpu, const std::vector<NvmlProcess>& processes) {
        for (const NvmlProcess& process : processes) {
            gpu.holders.push_back({process.pid, names_.command(process.pid), process.bytes});
            if (!process.bytes) {
                note("The driver does not say how much some processes hold.");
            }
        }
        std::stable_sort(gpu.holders.begin(), gpu.holders.end(),
                         [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
        if (names_.in_container() && (!processes.empty() || gpu.used() > 1_GiB)) {
            note(
                "This is a container: the driver gives the machine's pids, and may leave "
                "processes outside of it out.");
        }
    }

    GpuList list_;
    HolderNames names_;
};

/// NVML's handle of a GPU that CUDA lists, and the UUID with the prefix that found it.
NvmlResult<Nvml::Handle*> match(const Nvml& nvml, const CudaDevice& device, std::string& uuid) {
    if (!device.uuid.empty()) {
        for (const char* prefix : {"GPU-", "MIG-"}) {
            auto handle = nvml.by_uuid(prefix + device.uuid);
            if (handle) {
                uuid = prefix + device.uuid;
                return handle;
            }
        }
    }
    return nvml.by_pci(device.pci);
}

void list_by_cuda(Lister& lister, const CudaDriver& cuda, const NvmlResult<Nvml>& nvml) {
    const auto count = cuda.count();
    if (!count) {
        lister.note("No GPU can be used: {}.", count.error().message);
        return;
    }
    for (std::uint32_t index = 0; index < *count; ++index) {
        const auto device = cuda.device(index);
        if (!device) {
            lister.note("GPU {} is left out: {}.", index, device.error().message);
            continue;
        }
        GpuInfo gpu{.index = index,
                    .name = device->name,
                    .uuid = device->uuid.empty() ? "" : "GPU-" + device->uuid,
                    .total = device->total,
                    .free = {},
                    .holders = {}};
        if (!nvml) {
            lister.add_without_nvml(std::move(gpu));
            continue;
        }
        const auto handle = match(*nvml, *device, gpu.uuid);
        if (handle) {
            lister.add(std::move(gpu), *nvml, *handle);
        } else {
            lister.note("GPU {} ({}) is left out: {}.", index, device->name,
                        handle.error().message);
        }
    }
    const auto all = nvml ? nvml->count() : *count;
    if (all && *all > *count) {
        lister.note("{} of {} GPUs are hidden, as CUDA_VISIBLE_DEVICES can do.", *all - *count,
                    *all);
    }
}

void list_by_nvml(Lister& lister, const Nvml& nvml) {
    const std::uint32_t count = nvml.count().value_or(0);
    for (std::uint32_t index = 0; index < count; ++index) {
        const auto handle = nvml.by_index(index);
        if (!handle) {
            lister.note("GPU {} is left out: {}.", index, handle.error().message);
            continue;
        }
        GpuInfo gpu{.index = index,
                    .name = nvml.name(*handle).value_or("unknown"),
                    .uuid = {},
                    .total = {},
                    .free = {},
                    .holders = {}};
        lister.add(std::move(gpu), nvml, *handle);
    }
}

NvmlResult<Nvml> start_nvml(const std::string& name) {
    const auto library = DynamicLibrary::open(name);
    if (!library) {
        return tl::unexpected(NvmlError{NvmlStatus::function_not_found, library.error().message});
    }
    return Nvml::start(*library);
}

}  // namespace

std::optional<Bytes> held_by_this_process(std::uint32_t index, const GpuProbeOptions& options) {
    if (HolderNames(options.root).in_container()) {
        return std::nullopt;
    }
    const GpuList list = probe_gpus(options);
    for (const GpuInfo& gpu : list.gpus) {
        for (const GpuHolder& holder : gpu.holders) {
            if (gpu.index == index && holder.pid == static_cast<std::uint32_t>(::getpid())) {
                return holder.bytes;
            }
        }
    }
    return std::nullopt;
}

GpuList probe_gpus(const GpuProbeOptions& options) {
    Lister lister(options);
    const auto nvml = start_nvml(options.nvml_library);
    const auto library = DynamicLibrary::open(options.cuda_library);
    if (!library) {
        if (!nvml) {
            lister.note("No GPU can be used: no NVIDIA driver was found; {}; {}.",
                        library.error().message, nvml.error().message);
            return lister.finish();
        }
        lister.note("GPUs are numbered by PCI bus and cannot be used: {}.",
                    library.error().message);
        lister.set_numbering(GpuNumbering::pci_bus);
        list_by_nvml(lister, *nvml);
        return lister.finish();
    }
    const auto cuda = CudaDriver::start(*library);
    if (!cuda) {
        lister.note(
            "No GPU can be used: {}; check CUDA_VISIBLE_DEVICES, and that the driver's "
            "kernel module and libraries are of one version.",
            cuda.error().message);
        if (!nvml) {
            lister.note("{}.", nvml.error().message);
        } else if (const auto count = nvml->count(); count && *count > 0) {
            lister.note("The driver's management library sees {} GPUs.", *count);
        }
        return lister.finish();
    }
    if (!nvml) {
        lister.note("What is free on the GPUs, and who holds the rest, is not known: {}.",
                    nvml.error().message);
    }
    list_by_cuda(lister, *cuda, nvml);
    if (lister.empty()) {
        lister.note("CUDA lists no GPU that can be used.");
    }
    return lister.finish();
}

}  // namespace hexcore
