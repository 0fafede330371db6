#pragma once

#include <unordered_map>
#include <vector>

#include "ggml-cpp.h"
#include "hexcore/backend/execution/expert_region.hpp"

namespace hexcore {

class Machine;

/// The biases of routed experts, which libllama keeps whole at the layer's home, on every device
/// that computes: there those of the device's own experts, in their order on it.
class ExpertBiases {
public:
    explicit ExpertBiases(Machine& machine) : machine_(machine) {}

    /// Takes memory for those of the region, on all devices; also on simulated ones. A refusal is
    /// kept by the device's memory.
    void reserve(const ggml_cgraph& graph, const ExpertRegion& region);
    /// Copies those that were not copied before. Waits until that is done; what computes them at
    /// home must be complete. False where there is no memory.
    [[nodiscard]] bool fill(const ggml_cgraph& graph, const ExpertRegion& region);

    /// F32 {columns, the device's experts}, for one that was reserved.
    [[nodiscard]] ggml_tensor& on(DeviceId device, const ggml_tensor& bias) const;

private:
    struct Bias {
        std::vector<ggml_tensor> tables;  ///< [device]; without data where memory was refused
        bool is_filled = false;
    };

    void take(DeviceId id, const std::vector<const ggml_tensor*>& biases, std::size_t count);

    Machine& machine_;
    mutable std::unordered_map<const ggml_tensor*, Bias> biases_;
    std::vector<ggml_backend_buffer_ptr> buffers_;
};

}  // namespace hexcore
