#pragma once

#include <cstdint>
#include <string>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/dynamic_library.hpp"

namespace hexcore {

/// One GPU as the CUDA driver numbers it.
struct CudaDevice {
    std::uint32_t index = 0;  ///< the N of cuda:N, after CUDA_VISIBLE_DEVICES and CUDA_DEVICE_ORDER
    std::string name;
    std::string uuid;  ///< 32 hexadecimal digits with dashes, without "GPU-"; may be empty
    std::string pci;   ///< "0000:65:00.0"; may be empty
    Bytes total;
};

/// The part of the CUDA driver that lists GPUs. Makes no context, so it takes no GPU memory.
class CudaDriver {
public:
    /// Initialises the driver. Fails with ErrorCode::missing_device where a function is missing or
    /// the driver does not start, with its own name for the reason.
    [[nodiscard]] static Result<CudaDriver> start(const DynamicLibrary& library);

    [[nodiscard]] Result<std::uint32_t> count() const;
    [[nodiscard]] Result<CudaDevice> device(std::uint32_t index) const;

private:
    explicit CudaDriver(DynamicLibrary library) : library_(std::move(library)) {}
    [[nodiscard]] Result<void> checked(int status, const char* call) const;

    DynamicLibrary library_;
};

}  // namespace hexcore
