#include "hexcore/device/nvml.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "hexcore/device/nvml_process_list.hpp"

namespace hexcore {
namespace {

// NVML's C interface, as far as it is used here (NVML API reference). nvmlReturn_t is an enum.
using Simple = int();
using ErrorString = const char*(int status);
using GetCount = int(unsigned* count);
using ByIndex = int(unsigned index, Nvml::Handle** gpu);
using ByText = int(const char* text, Nvml::Handle** gpu);
using GetName = int(Nvml::Handle* gpu, char* name, unsigned length);
struct MemoryInfo {
    unsigned long long total;
    unsigned long long free;
    unsigned long long used;
};
using GetMemory = int(Nvml::Handle* gpu, MemoryInfo* memory);
using GetProcesses = int(Nvml::Handle* gpu, unsigned* count, void* infos);

/// The versions of the calls that list processes, newest first, and the size of an entry in each.
struct ListVersion {
    const char* suffix;
    std::size_t entry_bytes;
};
constexpr std::array list_versions{ListVersion{"_v3", 24}, ListVersion{"_v2", 24},
                                   ListVersion{"", 16}};

constexpr int success = static_cast<int>(NvmlStatus::success);

}  // namespace

NvmlResult<void> Nvml::checked(int status, const char* call) const {
    if (status == success) {
        return {};
    }
    auto* text_of = library_.function<ErrorString>("nvmlErrorString");
    const char* text = text_of != nullptr ? text_of(status) : nullptr;
    return tl::unexpected(NvmlError{static_cast<NvmlStatus>(status),
                                    fmt::format("{} of {} says '{}' ({})", call, library_.name(),
                                                text ? text : "error", status)});
}

NvmlResult<Nvml> Nvml::start(const DynamicLibrary& library) {
    for (const char* needed :
         {"nvmlInit_v2", "nvmlShutdown", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2",
          "nvmlDeviceGetHandleByUUID", "nvmlDeviceGetHandleByPciBusId_v2", "nvmlDeviceGetName",
          "nvmlDeviceGetMemoryInfo"}) {
        if (library.address(needed) == nullptr) {
            return tl::unexpected(
                NvmlError{NvmlStatus::function_not_found,
                          fmt::format("{} has no function {}", library.name(), needed)});
        }
    }
    Nvml nvml(library);
    HEXCORE_TRY_VOID(nvml.checked(library.function<Simple>("nvmlInit_v2")(), "nvmlInit"));
    nvml.started_ = true;
    return nvml;
}

Nvml::Nvml(Nvml&& other) noexcept
    : library_(std::move(other.library_)), started_(std::exchange(other.started_, false)) {}

Nvml::~Nvml() {
    if (started_) {
        library_.function<Simple>("nvmlShutdown")();
    }
}

NvmlResult<std::uint32_t> Nvml::count() const {
    unsigned count = 0;
    HEXCORE_TRY_VOID(checked(library_.function<GetCount>("nvmlDeviceGetCount_v2")(&count),
                             "nvmlDeviceGetCount"));
    return count;
}

NvmlResult<std::string> Nvml::driver_version() const {
    constexpr const char* call = "nvmlSystemGetDriverVersion";
    auto* get = library_.function<int(char*, unsigned)>(call);
    std::array<char, 96> text{};
    const int status = get == nullptr ? static_cast<int>(NvmlStatus::function_not_found)
                                      : get(text.data(), static_cast<unsigned>(text.size() - 1));
    HEXCORE_TRY_VOID(checked(status, call));
    return std::string(text.data());
}

NvmlResult<Nvml::Handle*> Nvml::by_index(std::uint32_t index) const {
    Handle* gpu = nullptr;
    HEXCORE_TRY_VOID(
        checked(library_.function<ByIndex>("nvmlDeviceGetHandleByIndex_v2")(index, &gpu),
                "nvmlDeviceGetHandleByIndex"));
    return gpu;
}

NvmlResult<Nvml::Handle*> Nvml::by_uuid(const std::string& uuid) const {
    Handle* gpu = nullptr;
    HEXCORE_TRY_VOID(
        checked(library_.function<ByText>("nvmlDeviceGetHandleByUUID")(uuid.c_str(), &gpu),
                "nvmlDeviceGetHandleByUUID"));
    return gpu;
}

NvmlResult<Nvml::Handle*> Nvml::by_pci(const std::string& bus_id) const {
    Handle* gpu = nullptr;
    HEXCORE_TRY_VOID(
        checked(library_.function<ByText>("nvmlDeviceGetHandleByPciBusId_v2")(bus_id.c_str(), &gpu),
                "nvmlDeviceGetHandleByPciBusId"));
    return gpu;
}

NvmlResult<std::string> Nvml::name(Handle* gpu) const {
    std::array<char, 128> text{};
    HEXCORE_TRY_VOID(checked(library_.function<GetName>("nvmlDeviceGetName")(
                                 gpu, text.data(), static_cast<unsigned>(text.size() - 1)),
                             "nvmlDeviceGetName"));
    return std::string(text.data());
}

NvmlResult<NvmlMemory> Nvml::memory(Handle* gpu) const {
    MemoryInfo info{};
    HEXCORE_TRY_VOID(checked(library_.function<GetMemory>("nvmlDeviceGetMemoryInfo")(gpu, &info),
                             "nvmlDeviceGetMemoryInfo"));
    return NvmlMemory{Bytes(info.total), Bytes(info.free), Bytes(info.used)};
}

/// `call` without its version; the newest version that the library offers is used.
NvmlResult<std::vector<NvmlProcess>> Nvml::running(Handle* gpu, const char* call) const {
    int status = static_cast<int>(NvmlStatus::function_not_found);
    for (const ListVersion& version : list_versions) {
        auto* get = library_.function<GetProcesses>((std::string(call) + version.suffix).c_str());
        if (get == nullptr) {
            continue;
        }
        NvmlProcessList list;
        // Processes come between two calls, so that even the count just told can be too small.
        for (int attempt = 0; attempt < 16; ++attempt) {
            unsigned count = list.prepare();
            status = get(gpu, &count, list.buffer());
            if (status != static_cast<int>(NvmlStatus::insufficient_size)) {
                list.set_count(count);
                break;
            }
            list.grow(count);
        }
        if (status == success) {
            return list.processes(version.entry_bytes);
        }
        if (status != static_cast<int>(NvmlStatus::function_not_found)) {
            break;
        }
    }
    return tl::unexpected(checked(status, call).error());
}

NvmlResult<std::vector<NvmlProcess>> Nvml::processes(Handle* gpu) const {
    HEXCORE_TRY(compute, running(gpu, "nvmlDeviceGetComputeRunningProcesses"));
    const auto graphics = running(gpu, "nvmlDeviceGetGraphicsRunningProcesses");
    // A process with both kinds of context is in both lists, each time with all that it holds.
    std::map<std::uint32_t, std::optional<Bytes>> by_pid;
    for (const NvmlProcess& process : compute) {
        by_pid[process.pid] = std::max(by_pid[process.pid], process.bytes);
    }
    if (graphics) {  // cards without a display engine do not offer the second list
        for (const NvmlProcess& process : *graphics) {
            by_pid[process.pid] = std::max(by_pid[process.pid], process.bytes);
        }
    }
    std::vector<NvmlProcess> processes;
    processes.reserve(by_pid.size());
    for (const auto& [pid, bytes] : by_pid) {
        processes.push_back({pid, bytes});
    }
    return processes;
}

}  // namespace hexcore
