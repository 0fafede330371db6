#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>

#include "ggml-cpp.h"
#include "hexcore/backend/kernels/expert_chain.hpp"
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

    /// Takes scratch memory for the chains of the graph, once, for the first that has any. A
    /// refusal is kept by the device's memory. Works on simulated devices, too.
    void reserve(const ggml_cgraph& graph);

    /// Whether the chain can be computed here, whose tensors are on the device.
    [[nodiscard]] std::optional<hexcore_cuda_experts> usable(const ExpertChain& chain);

    [[nodiscard]] const KernelLibrary& library() const { return library_; }
    /// Once a chain was found usable.
    [[nodiscard]] hexcore_cuda_engine* engine() const { return engine_; }
    /// Room for the result of a chain, to compare it.
    [[nodiscard]] float* trial_result() const;
    /// Whether a layer, known by where its weights are, gave ggml's bits; nothing: it wasn't tried.
    [[nodiscard]] std::optional<bool> verdict(const hexcore_cuda_experts& experts) const;
    void set_verdict(const hexcore_cuda_experts& experts, bool is_equal) {
        verdicts_[experts.gate] = is_equal;
    }

private:
    [[nodiscard]] bool open();

    const KernelLibrary& library_;
    Device& device_;
    std::size_t kernel_bytes_ = 0;
    std::size_t trial_bytes_ = 0;
    ggml_backend_buffer_ptr scratch_;
    hexcore_cuda_engine* engine_ = nullptr;
    std::unordered_map<const void*, bool> verdicts_;
    bool has_failed_ = false;
};

}  // namespace hexcore
