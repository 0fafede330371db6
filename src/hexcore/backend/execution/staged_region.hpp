#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "hexcore/backend/execution/expert_region.hpp"
#include "hexcore/backend/execution/expert_rows.hpp"
#include "hexcore/backend/execution/inner_graph.hpp"

namespace hexcore {

/// The part of an expert region that one device computes: the region's operations over that
/// device's rows and its own shards. Rows come from and go to main memory.
///
/// A single token keeps its shape, {columns, its experts, 1}, and its one row of activations serves
/// them all, so that kernels for single tokens are used as they would be without shards. The rows
/// of several tokens become as many tokens with one expert each.
class StagedPart {
public:
    /// `rows`: how many, at least 1. `original` is the graph that the region is of.
    StagedPart(Device& device, const ggml_cgraph& original, const ExpertRegion& region,
               std::size_t rows);

    /// To be given memory by an allocator, then to be computed.
    [[nodiscard]] ggml_cgraph& graph() { return graph_.finish(); }
    void enter_inner_buffers() { graph_.enter_inner_buffers(); }

    void set_input(const std::byte* rows) const;
    /// The experts' positions on the device, one for each row.
    void set_ids(const std::int32_t* local_ids) const;
    /// The region's result, row by row.
    void get_result(std::byte* rows) const;

    /// A bias of the region, of one row for each expert, as a tensor that takes a row for each row.
    struct Bias {
        const ggml_tensor* weight = nullptr;  ///< F32 {columns, n_expert}, on the region's home
        ggml_tensor* rows = nullptr;
    };
    [[nodiscard]] const std::vector<Bias>& biases() const { return biases_; }

private:
    void add_node(const ggml_tensor& node, int use_count);
    void set_shape(ggml_tensor& copy) const;

    InnerGraph graph_;
    const bool single_token_;
    const std::int64_t slots_;   ///< ne[1] of the rows
    const std::int64_t tokens_;  ///< ne[2] of the rows
    ggml_tensor* input_ = nullptr;
    ggml_tensor* ids_ = nullptr;
    ggml_tensor* result_ = nullptr;
    std::vector<Bias> biases_;
};

/// Whether the region is computed for one token whose row of activations serves all its experts.
[[nodiscard]] bool is_single_token(const ExpertRegion& region);

}  // namespace hexcore
