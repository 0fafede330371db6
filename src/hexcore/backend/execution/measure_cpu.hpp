#pragma once

#include <optional>

#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/execution/staged_region.hpp"

namespace hexcore {

class Device;

/// A region of a graph, and the biases of its experts.
struct BiasedRegion {
    const ggml_cgraph& graph;
    const ExpertRegion& region;
    const ExpertBiases& biases;
};

/// Seconds that the CPU takes for one row of one of the region's experts on `host`, a device in
/// main memory, which must have scratch memory for the region. Nothing where it can't be computed.
[[nodiscard]] std::optional<double> measure_cpu(Device& host, InnerBackend& inner,
                                                const BiasedRegion& work,
                                                const ComputeOptions& options);

}  // namespace hexcore
