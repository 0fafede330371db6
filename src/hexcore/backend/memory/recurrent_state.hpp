#pragma once

#include "hexcore/backend/memory/device_memory.hpp"

namespace hexcore {

/// Accounts a block as recurrent state or adapters if `tensor`, which libllama has just placed in
/// it, is some. To ggml such a buffer is like one of the KV cache; only the names of its tensors
/// tell.
void account_by_tensor(const ggml_tensor& tensor, DeviceMemory::Block& block);

}  // namespace hexcore
