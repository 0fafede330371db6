#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "hexcore/backend/kernels/expert_chain.hpp"

namespace hexcore {

class HostLayer;

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
