#pragma once

#include <map>
#include <memory>

#include "ggml-backend.h"
#include "hexcore/device/pinned_range.hpp"

namespace hexcore {

class Device;

/// Experts in main memory whose bytes a GPU fetches by itself.
class PinnedExperts {
public:
    explicit PinnedExperts(const Device& gpu) : gpu_(gpu) {}

    /// Has the driver keep the buffer that the shard is in where it is, for as long as this lives.
    /// False where it refuses, and for a device that is no NVIDIA GPU: then copies are slower, and
    /// kernels can't read there. Takes as long as it takes to look at each page.
    bool pin(const ggml_tensor& shard);

private:
    const Device& gpu_;
    std::map<ggml_backend_buffer_t, std::shared_ptr<PinnedRange>> ranges_;  ///< null: refused
};

}  // namespace hexcore
