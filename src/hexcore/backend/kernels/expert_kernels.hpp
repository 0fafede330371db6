#pragma once

#include <cstddef>
#include <memory>

#include "ggml-cpp.h"
#include "hexcore/backend/kernels/kernel_library.hpp"

namespace hexcore {

class Device;

/// Our own kernels on one GPU, for one context: what they need of its memory, and an engine.
class ExpertKernels {
public:
    /// Null for a device that is no NVIDIA GPU, and where the library isn't there.
    [[nodiscard]] static std::unique_ptr<ExpertKernels> create(Device& device);
    ExpertKernels(const KernelLibrary& library, Device& device)
        : library_(library), device_(device) {}
    ~ExpertKernels();
    ExpertKernels(const ExpertKernels&) = delete;
    ExpertKernels& operator=(const ExpertKernels&) = delete;

    /// Takes the scratch memory for such experts, once it is known for which: alone, or `shared`
    /// with other GPUs. A refusal is kept by the device's memory. Works on simulated devices, too.
    void reserve(const hexcore_cuda_shape& shape, bool shared);

    [[nodiscard]] const KernelLibrary& library() const { return library_; }
    /// Null where there is none, or no scratch memory.
    [[nodiscard]] hexcore_cuda_engine* engine();
    /// Room for the result of such a chain, to compare it; null where there is none.
    [[nodiscard]] float* trial_result(const hexcore_cuda_shape& shape) const;

private:
    const KernelLibrary& library_;
    Device& device_;
    std::size_t kernel_bytes_ = 0;
    std::size_t box_bytes_ = 0;
    std::size_t trial_bytes_ = 0;
    ggml_backend_buffer_ptr scratch_;
    hexcore_cuda_engine* engine_ = nullptr;
    bool has_failed_ = false;
};

}  // namespace hexcore
