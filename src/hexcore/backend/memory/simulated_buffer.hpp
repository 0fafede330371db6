#pragma once

#include "ggml-backend-impl.h"
#include "hexcore/backend/memory/device_memory.hpp"

namespace hexcore {

/// The interface of a buffer in `memory`: `real` itself, or, where the memory is simulated, `real`
/// without its data. What is written to such a buffer is dropped, and what is read from it is zero;
/// libllama clears and copies some of its buffers in a dry run, too.
[[nodiscard]] ggml_backend_buffer_i interface_in(const DeviceMemory& memory,
                                                 const ggml_backend_buffer_i& real);

}  // namespace hexcore
