#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/dynamic_library.hpp"

namespace hexcore {

/// What NVML calls return, as far as it is told apart here.
enum class NvmlStatus : int {
    success = 0,
    not_supported = 3,
    no_permission = 4,
    insufficient_size = 7,
    function_not_found = 13,
};

/// A failed NVML call: its status, and a sentence.
struct NvmlError {
    NvmlStatus status;
    std::string message;
};
template <typename T>
using NvmlResult = tl::expected<T, NvmlError>;

struct NvmlMemory {
    Bytes total;
    Bytes free;
    Bytes used;  ///< what the driver keeps for itself included
};

struct NvmlProcess {
    std::uint32_t pid = 0;       ///< the machine's, also where the caller is in a container
    std::optional<Bytes> bytes;  ///< nothing where the driver does not say
};

/// NVIDIA's management library, which tells who holds what without making a CUDA context. Shut down
/// in the end; several may live at once, the library counts them.
class Nvml {
public:
    struct Handle;  ///< NVML's own, opaque

    /// Fails with the library's own words where it does not start.
    [[nodiscard]] static NvmlResult<Nvml> start(const DynamicLibrary& library);
    Nvml(Nvml&& other) noexcept;
    Nvml& operator=(Nvml&&) = delete;
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;
    ~Nvml();

    [[nodiscard]] NvmlResult<std::uint32_t> count() const;
    /// The driver's version, such as "580.159.04"; fails where the library cannot tell it.
    [[nodiscard]] NvmlResult<std::string> driver_version() const;
    /// In the order of the PCI bus.
    [[nodiscard]] NvmlResult<Handle*> by_index(std::uint32_t index) const;
    /// `uuid` with its prefix, "GPU-" or "MIG-".
    [[nodiscard]] NvmlResult<Handle*> by_uuid(const std::string& uuid) const;
    [[nodiscard]] NvmlResult<Handle*> by_pci(const std::string& bus_id) const;

    [[nodiscard]] NvmlResult<std::string> name(Handle* gpu) const;
    [[nodiscard]] NvmlResult<NvmlMemory> memory(Handle* gpu) const;
    /// Processes with a compute or a graphics context on it, each once, by pid.
    [[nodiscard]] NvmlResult<std::vector<NvmlProcess>> processes(Handle* gpu) const;

private:
    explicit Nvml(DynamicLibrary library) : library_(std::move(library)) {}
    [[nodiscard]] NvmlResult<void> checked(int status, const char* call) const;
    [[nodiscard]] NvmlResult<std::vector<NvmlProcess>> running(Handle* gpu, const char* call) const;

    DynamicLibrary library_;
    bool started_ = false;
};

}  // namespace hexcore
