#pragma once

#include <cstddef>

#include "ggml-backend-impl.h"
#include "hexcore/backend/memory/tensor_filler.hpp"

namespace hexcore {

/// What is behind a ggml buffer on a device of ours, whatever its family: the buffer's context.
class DeviceBuffer {
public:
    virtual ~DeviceBuffer() = default;

    /// Whether tensors in it may lie in shards, to which their `extra` points then.
    [[nodiscard]] virtual bool has_sharded_tensors() const = 0;
    /// Where a TensorFiller writes what is `offset` bytes behind the begin of an ordinary tensor.
    [[nodiscard]] virtual FillTarget fill_target(const ggml_tensor& tensor,
                                                 std::size_t offset) const = 0;
    /// `buffer`, whose context this is, as the device's inner backend knows it.
    [[nodiscard]] virtual ggml_backend_buffer_t inner(ggml_backend_buffer_t buffer) const {
        return buffer;
    }
};

/// ggml_backend_buffer_i::free_buffer of each of them, and so what they are known by. What is being
/// read into it is abandoned first.
void free_device_buffer(ggml_backend_buffer_t buffer);

/// What is behind the buffer; null for one that is not ours.
[[nodiscard]] inline DeviceBuffer* device_buffer(ggml_backend_buffer_t buffer) {
    return buffer != nullptr && buffer->iface.free_buffer == free_device_buffer
               ? static_cast<DeviceBuffer*>(buffer->context)
               : nullptr;
}

/// The buffer as the inner backend knows it, or `buffer` itself if it is not ours.
[[nodiscard]] inline ggml_backend_buffer_t unwrapped(ggml_backend_buffer_t buffer) {
    const DeviceBuffer* ours = device_buffer(buffer);
    return ours == nullptr ? buffer : ours->inner(buffer);
}

}  // namespace hexcore
