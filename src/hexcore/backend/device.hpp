#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ggml-backend-impl.h"
#include "ggml-cpp.h"
#include "hexcore/backend/device_memory.hpp"
#include "hexcore/base/ids.hpp"
#include "hexcore/device/device_spec.hpp"

namespace hexcore {

class Machine;

/// One capped host device: to libllama a GPU with `budget - reserve` bytes, which computes with
/// ggml's CPU kernels. Its buffers are committed, accounted and refused by its DeviceMemory.
class Device {
public:
    Device(Machine& machine, ggml_backend_reg_t registry, DeviceId id, const DeviceSpec& spec,
           Commitment commitment);
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    [[nodiscard]] DeviceId id() const { return id_; }
    [[nodiscard]] const std::string& name() const { return memory_.budget().device_name(); }
    [[nodiscard]] DeviceMemory& memory() { return memory_; }
    [[nodiscard]] const DeviceMemory& memory() const { return memory_; }
    [[nodiscard]] Machine& machine() const { return machine_; }

    /// For llama_model_params::devices.
    [[nodiscard]] ggml_backend_dev_t handle() { return &handle_; }
    /// Where weights, KV cache and compute buffers of this device go.
    [[nodiscard]] ggml_backend_buffer_type_t buffer_type() { return &buffer_type_; }
    /// Where the merged expert tensors of the layers at home here go, shard by shard.
    [[nodiscard]] ggml_backend_buffer_type_t expert_buffer_type() { return &expert_buffer_type_; }

    [[nodiscard]] const std::string& expert_buffer_name() const { return expert_buffer_name_; }

    /// A buffer on this device, accounted as experts.
    [[nodiscard]] Result<ggml_backend_buffer_ptr> allocate_experts(Bytes size);

    /// Rows (a token for one of its chosen experts) that this device computed, in one product.
    void count_rows(std::uint64_t rows) { rows_.fetch_add(rows, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t rows_computed() const { return rows_.load(); }

private:
    Machine& machine_;
    const DeviceId id_;
    DeviceMemory memory_;
    std::string expert_buffer_name_;
    ggml_backend_buffer_type buffer_type_;
    ggml_backend_buffer_type expert_buffer_type_;
    ggml_backend_device handle_;
    std::atomic<std::uint64_t> rows_{0};
};

/// The device that a ggml device of ours stands for.
[[nodiscard]] Device& device_of(ggml_backend_dev_t handle);

}  // namespace hexcore
