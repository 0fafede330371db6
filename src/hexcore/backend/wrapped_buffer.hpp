#pragma once

#include <optional>

#include "ggml-backend-impl.h"
#include "hexcore/backend/tensor_filler.hpp"
#include "hexcore/base/bytes.hpp"
#include "hexcore/device/budget.hpp"

namespace hexcore {

class WrappedDevice;

/// The buffer type through which libllama allocates on a wrapped device; its context is the Device.
/// Each buffer has one of the inner backend's within, and is accounted and refused by the device's
/// DeviceMemory. ggml backends know their own buffers by the address of free_buffer, so a buffer
/// whose end is to be noticed cannot pass for one of theirs: whatever goes to the inner backend
/// goes with a copy of the tensor that has the inner buffer (InnerGraph for whole graphs).
[[nodiscard]] ggml_backend_buffer_type_i wrapped_buffer_type();

/// A buffer of `size` bytes, or null where that is refused (DeviceMemory keeps why).
[[nodiscard]] ggml_backend_buffer_t allocate_wrapped_buffer(WrappedDevice& device, Bytes size,
                                                            std::optional<Purpose> purpose);

/// Whether it is a buffer of a wrapped device with NamedExperts.
[[nodiscard]] bool is_sharding_wrapped_buffer(const ggml_backend_buffer& buffer);

/// For a TensorFiller: `offset` bytes behind the begin of a tensor in a wrapped buffer.
[[nodiscard]] FillTarget wrapped_fill_target(const ggml_tensor& tensor, std::size_t offset);

/// The buffer within, or `buffer` itself where it is not a wrapped one.
[[nodiscard]] ggml_backend_buffer_t unwrapped(ggml_backend_buffer_t buffer);

}  // namespace hexcore
