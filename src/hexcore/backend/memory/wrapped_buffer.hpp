#pragma once

#include <optional>

#include "ggml-backend-impl.h"
#include "hexcore/base/bytes.hpp"
#include "hexcore/ledger/usage.hpp"

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

}  // namespace hexcore
