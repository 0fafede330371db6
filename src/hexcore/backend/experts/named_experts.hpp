#pragma once

#include <optional>

#include "hexcore/backend/experts/expert_buffer.hpp"

namespace hexcore {

/// The merged expert tensors in an ordinary buffer of a device, where the machine's layout goes by
/// name because nobody asks for an expert buffer (decision 10), and the LoRA adapters of such. They
/// are placed shard by shard, and take nothing in the buffer itself.
class NamedExperts {
public:
    explicit NamedExperts(Device& device);

    /// For a buffer type's get_alloc_size: what a tensor that is placed so takes in the buffer that
    /// it belongs to; nothing for an ordinary tensor.
    [[nodiscard]] static std::optional<std::size_t> alloc_size(const Device& device,
                                                               const ggml_tensor& tensor);

    /// For the buffer's init_tensor: nothing for an ordinary tensor, else how placing it went. An
    /// expert tensor that the plan does not know is refused (bad_input, DeviceMemory keeps it).
    [[nodiscard]] std::optional<ggml_status> init_tensor(ggml_tensor& tensor);
    void clear(std::uint8_t value) { shards_.clear(value); }

private:
    Device& device_;
    ExpertBuffer shards_;
};

}  // namespace hexcore
