#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ggml-impl.h"
#include "hexcore/backend/kernels/hexcore_cuda.h"

namespace hexcore {

class HostLayer;

/// The nodes of a graph that compute the experts of one layer for one token, from the products with
/// gate and up to the weighted sum, none of whose values anybody else uses. Found only where ggml's
/// CUDA backend adds up as the kernel does, in its own fused sum, or where one expert's row is all.
struct ExpertChain {
    int first = 0;  ///< node indices
    int last = 0;
    const ggml_tensor* gate = nullptr;  ///< merged weights {n_embd, n_ff, n_expert}
    const ggml_tensor* up = nullptr;  ///< the same tensor as gate: its rows of up are behind gate's
    const ggml_tensor* down = nullptr;       ///< {n_ff, n_embd, n_expert}
    const ggml_tensor* gate_bias = nullptr;  ///< F32 {n_ff, n_expert}; null: none has any
    const ggml_tensor* up_bias = nullptr;
    const ggml_tensor* down_bias = nullptr;
    const ggml_tensor* ids = nullptr;
    const ggml_tensor* weights = nullptr;  ///< null: all are 1
    const ggml_tensor* x = nullptr;
    const ggml_tensor* rows =
        nullptr;  ///< of the experts, before the sum; in ggml's computing only
    const ggml_tensor* y = nullptr;
    hexcore_cuda_shape shape{};
};

/// The chain that begins at that node, if one does. Looks at no addresses, and so may be asked of
/// graphs without memory.
[[nodiscard]] std::optional<ExpertChain> find_expert_chain(const ggml_cgraph& graph, int first);

/// What the kernels are to be told of a chain: where a token's values are, and what each device has
/// of its experts.
struct ChainWork {
    hexcore_cuda_experts experts{};        ///< `part` is that of the device at home
    std::vector<hexcore_cuda_part> parts;  ///< [card of a team]; empty: all experts are at home
    std::shared_ptr<HostLayer> host;       ///< its experts in main memory; null: there are none
    std::size_t cache_row = 0;             ///< of its layer, where part.cache has slots
    const void* weights = nullptr;         ///< by which the layer is known
    bool is_shared = false;                ///< its experts are in shards
};

/// Of a chain whose tensors are all on one device. Nothing where they lie as the kernel can't use
/// them: not at 16 bytes, or the result over what is read late.
[[nodiscard]] std::optional<ChainWork> work_of(const ExpertChain& chain);

/// Who computes shards: [device] the card of the team that it is, from 0, which is at home, to
/// n_cards - 1; in_main_memory; or none.
struct TeamDevices {
    static constexpr int none = -1;
    static constexpr int in_main_memory = -2;  ///< of one device at most

    std::vector<int> card_of;
    int n_cards = 1;
};

/// Of a chain whose experts are in shards. Devices of one card have its shards in their order. Of
/// those in main memory it says where they are, and no more.
[[nodiscard]] std::optional<ChainWork> shared_work_of(const ExpertChain& chain,
                                                      const TeamDevices& devices);

}  // namespace hexcore
