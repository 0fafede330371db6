#pragma once

#include <cstdint>
#include <vector>

#include "ggml-impl.h"
#include "hexcore/backend/experts/expert_buffer.hpp"

namespace hexcore {

/// A run of graph nodes that works on one row for each (token, chosen expert) and never mixes rows:
/// from the first product with a sharded expert tensor to the last, with the activation function
/// and biases between. Each row can be computed on the device of its expert, start to end.
struct ExpertRegion {
    int first = 0;  ///< node index in the graph, a GGML_OP_MUL_MAT_ID
    int last = 0;   ///< the region's result, a GGML_OP_MUL_MAT_ID where it can be; may be `first`
    const ExpertMap* map = nullptr;
    const ggml_tensor* ids = nullptr;  ///< I32 {n_used, n_tokens}: chosen experts
    const ggml_tensor* x = nullptr;    ///< F32 {n_embd, 1 or n_used, n_tokens}: what goes in
};

/// The region that starts at node `first`, which must multiply with a sharded tensor. Grows as far
/// as every node's result is used inside only; at worst it is that one node.
[[nodiscard]] ExpertRegion find_region(const ggml_cgraph& graph, int first);

/// True for a node that multiplies with a sharded expert tensor, also in a dry run, where tensors
/// have no shards yet.
[[nodiscard]] bool is_sharded_product(const ggml_tensor& node);
/// True for one whose rows are dealt to several devices.
[[nodiscard]] bool is_routed(const ggml_tensor& node);
/// Rows (a token for one of its chosen experts) of such a product.
[[nodiscard]] std::uint64_t row_count(const ggml_tensor& product);

/// True where the node's activations come, through row-wise operations, from another product with
/// a sharded tensor: a down projection, which ends a region, rather than one that begins it.
[[nodiscard]] bool continues_region(const ggml_tensor& node);

}  // namespace hexcore
