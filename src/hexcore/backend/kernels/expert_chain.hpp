#pragma once

#include <optional>

#include "ggml-impl.h"
#include "hexcore/backend/kernels/hexcore_cuda.h"

namespace hexcore {

/// The nodes of a graph that compute the experts of one layer for a token, or for up to
/// HEXCORE_CUDA_MOST_TOKENS, from the products with gate and up to the weighted sum, none of whose
/// values anybody else uses. Found only where ggml's CUDA backend adds up as the kernel does, in
/// its own fused sum, or, for one token, where one expert's row is all.
struct ExpertChain {
    int first = 0;  ///< node indices
    int last = 0;
    const ggml_tensor* gate = nullptr;  ///< merged weights {n_embd, n_ff, n_expert}
    const ggml_tensor* up = nullptr;  ///< the same tensor as gate: its rows of up are behind gate's
    const ggml_tensor* down = nullptr;       ///< {n_ff, n_embd, n_expert}
    const ggml_tensor* gate_bias = nullptr;  ///< F32 {n_ff, n_expert}; null: none has any
    const ggml_tensor* up_bias = nullptr;
    const ggml_tensor* down_bias = nullptr;
    const ggml_tensor* ids = nullptr;      ///< I32 {n_used, n_tokens}
    const ggml_tensor* weights = nullptr;  ///< {1, n_used, n_tokens}; null: all are 1
    const ggml_tensor* x = nullptr;        ///< {n_embd, 1, n_tokens}
    const ggml_tensor* rows =
        nullptr;                     ///< of the experts, before the sum; in ggml's computing only
    const ggml_tensor* y = nullptr;  ///< {n_embd, n_tokens}
    hexcore_cuda_shape shape{};
};

/// The chain that begins at that node, if one does. Looks at no addresses, and so may be asked of
/// graphs without memory.
[[nodiscard]] std::optional<ExpertChain> find_expert_chain(const ggml_cgraph& graph, int first);

}  // namespace hexcore
