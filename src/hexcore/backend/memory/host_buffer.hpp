#pragma once

#include <optional>

#include "ggml-backend-impl.h"
#include "hexcore/base/bytes.hpp"
#include "hexcore/ledger/usage.hpp"

namespace hexcore {

class Device;

/// The buffer type through which libllama allocates on a capped host device; its context is the
/// Device.
[[nodiscard]] ggml_backend_buffer_type_i host_buffer_type();

/// A buffer of `size` bytes on the device, or null where that is refused (DeviceMemory keeps why).
[[nodiscard]] ggml_backend_buffer_t allocate_host_buffer(Device& device, Bytes size,
                                                         std::optional<Purpose> purpose);

}  // namespace hexcore
