#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "ggml-cpp.h"
#include "ggml-impl.h"
#include "hexcore/backend/device.hpp"
#include "hexcore/backend/execution/expert_execution.hpp"
#include "hexcore/backend/execution/host_routing.hpp"

namespace hexcore {

/// Computes the graphs of a capped host device, whose experts are on capped host devices: rewrites
/// them so that experts are computed with the shards that hold them, in the same run of ggml's CPU
/// kernels as everything else. See host_routing.cpp.
///
/// Devices over the CPU never compute at the same time within one context; with OpenMP, all their
/// inner backends run on the calling thread's one team, so they do not fight over cores.
class FusedExecution : public ExpertExecution {
public:
    /// Null where ggml's CPU backend cannot start.
    [[nodiscard]] static std::unique_ptr<ExpertExecution> create(Device& home);

    /// Takes what regions need besides routing_space(), which comes with the graph's memory.
    void reserve(const ggml_cgraph& graph) override;
    [[nodiscard]] ggml_status compute(ggml_cgraph& graph) override;
    void synchronize() override {}
    void set_threads(int n_threads) override;
    void set_abort_callback(ggml_abort_callback callback, void* data) override;

private:
    FusedExecution(Device& home, ggml_backend_ptr inner) : home_(home), inner_(std::move(inner)) {}

    /// The graph to compute in place of `graph`: itself where it has no experts, else one that
    /// lives until the next call. Null where scratch memory was refused.
    [[nodiscard]] ggml_cgraph* rewrite(ggml_cgraph* graph);
    [[nodiscard]] bool build(ggml_cgraph& graph);
    [[nodiscard]] bool take_scratch(Bytes size);
    void append_region(const ggml_cgraph& graph, const ExpertRegion& region);
    void append_whole(const ggml_tensor& product);
    void count_rows() const;

    Device& home_;
    ggml_backend_ptr inner_;
    std::uint64_t uid_ = 0;  ///< of the graph that was rewritten last; 0: none
    ggml_cgraph rewritten_{};
    std::vector<ggml_tensor*> nodes_;
    std::vector<std::unique_ptr<HostRouting>> routings_;
    std::deque<ggml_tensor> whole_products_;        ///< handed out by address
    std::unique_ptr<DeviceMemory::Block> scratch_;  ///< for all regions, which run in turn
};

/// More bytes than its result that a product with a sharded tensor needs behind it in its buffer:
/// for its gathered input if it begins a region, for its sorted result if it ends one.
[[nodiscard]] Bytes routing_space(const ggml_tensor& node);

}  // namespace hexcore
