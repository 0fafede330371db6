#include "hexcore/device/cuda_driver.hpp"

#include <array>

namespace hexcore {
namespace {

// The driver's C interface, as far as it is used here (CUDA Driver API reference). CUresult is an
// enum and CUdevice an int; both are passed as int.
using Init = int(unsigned flags);
using GetErrorName = int(int error, const char** text);
using GetCount = int(int* count);
using GetDevice = int(int* device, int index);
using GetName = int(char* name, int length, int device);
struct Uuid {
    std::array<unsigned char, 16> bytes;
};
using GetUuid = int(Uuid* uuid, int device);
using GetPciBusId = int(char* id, int length, int device);
using TotalMemory = int(std::size_t* bytes, int device);

/// In the form that NVML uses, less its prefix: 8-4-4-4-12 hexadecimal digits.
std::string text_of(const Uuid& uuid) {
    std::string text;
    for (std::size_t i = 0; i < uuid.bytes.size(); ++i) {
        text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                            uuid.bytes[i]);
    }
    return text;
}

}  // namespace

Result<void> CudaDriver::checked(int status, const char* call) const {
    if (status == 0) {
        return {};
    }
    const char* name = nullptr;
    if (auto* get_name = library_.function<GetErrorName>("cuGetErrorName")) {
        (void)get_name(status, &name);
    }
    return fail(ErrorCode::missing_device, "{} of {} says {} ({})", call, library_.name(),
                name != nullptr ? name : "error", status);
}

Result<CudaDriver> CudaDriver::start(const DynamicLibrary& library) {
    for (const char* needed :
         {"cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceTotalMem_v2"}) {
        if (library.address(needed) == nullptr) {
            return fail(ErrorCode::missing_device, "{} has no function {}", library.name(), needed);
        }
    }
    CudaDriver driver(library);
    HEXCORE_TRY_VOID(driver.checked(library.function<Init>("cuInit")(0), "cuInit"));
    return driver;
}

Result<std::uint32_t> CudaDriver::count() const {
    int count = 0;
    HEXCORE_TRY_VOID(
        checked(library_.function<GetCount>("cuDeviceGetCount")(&count), "cuDeviceGetCount"));
    return static_cast<std::uint32_t>(count);
}

Result<CudaDevice> CudaDriver::device(std::uint32_t index) const {
    int device = 0;
    HEXCORE_TRY_VOID(
        checked(library_.function<GetDevice>("cuDeviceGet")(&device, static_cast<int>(index)),
                "cuDeviceGet"));
    CudaDevice found{.index = index, .name = {}, .uuid = {}, .pci = {}, .total = {}};

    std::array<char, 256> text{};
    const int length = static_cast<int>(text.size()) - 1;
    HEXCORE_TRY_VOID(
        checked(library_.function<GetName>("cuDeviceGetName")(text.data(), length, device),
                "cuDeviceGetName"));
    found.name = text.data();
    std::size_t total = 0;
    HEXCORE_TRY_VOID(checked(library_.function<TotalMemory>("cuDeviceTotalMem_v2")(&total, device),
                             "cuDeviceTotalMem"));
    found.total = Bytes(total);

    // The first form of the UUID call gives a MIG slice its whole GPU's, so the second is
    // preferred.
    auto* get_uuid = library_.function<GetUuid>("cuDeviceGetUuid_v2");
    if (get_uuid == nullptr) {
        get_uuid = library_.function<GetUuid>("cuDeviceGetUuid");
    }
    Uuid uuid{};
    if (get_uuid != nullptr && get_uuid(&uuid, device) == 0) {
        found.uuid = text_of(uuid);
    }
    auto* get_pci = library_.function<GetPciBusId>("cuDeviceGetPCIBusId");
    text.fill('\0');
    if (get_pci != nullptr && get_pci(text.data(), length, device) == 0) {
        found.pci = text.data();
    }
    return found;
}

}  // namespace hexcore
