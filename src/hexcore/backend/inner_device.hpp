#pragma once

#include <cstdint>
#include <optional>

#include "ggml-backend.h"
#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/device/device_spec.hpp"

namespace hexcore {

/// A device of another ggml backend, to be wrapped. Valid until the program ends.
struct InnerDevice {
    ggml_backend_dev_t device = nullptr;
    /// What the driver takes for this process as such. A CUDA context: measured when it was made.
    Bytes context;
    /// What the backend's kernels and memory pools grow to while a model computes.
    Bytes pools;
    /// Whether its free memory is what its buffers leave.
    bool tells_free_memory = true;
    /// CUDA's number of a GPU, whose driver may tell what this process holds of it.
    std::optional<std::uint32_t> gpu = {};
};

/// The inner device of a spec. Fails with ErrorCode::missing_device where this build or machine has
/// none such, or the server does not answer.
[[nodiscard]] Result<InnerDevice> find_inner_device(const DeviceSpec& spec);

/// What the driver or the server says is free on it.
[[nodiscard]] Bytes free_memory(const InnerDevice& inner);

/// What the kernels and pools of ggml's CUDA backend take of a card on which that was not measured:
/// as on an H100 with Mixtral-8x7B's shape (docs/measured.md).
inline constexpr Bytes typical_cuda_pools = 184_MiB;
/// What a CUDA context takes, where none was made yet: by the same measurement.
inline constexpr Bytes typical_cuda_context = 518_MiB;

}  // namespace hexcore
