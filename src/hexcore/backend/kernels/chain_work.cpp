#include "hexcore/backend/kernels/chain_work.hpp"

#include <cstddef>
#include <cstdint>

#include "hexcore/backend/experts/expert_buffer.hpp"

namespace hexcore {
namespace {

bool overlap(const ggml_tensor& a, const ggml_tensor& b) {
    const auto* const a_begin = static_cast<const std::byte*>(a.data);
    const auto* const b_begin = static_cast<const std::byte*>(b.data);
    return a_begin < b_begin + ggml_nbytes(&b) && b_begin < a_begin + ggml_nbytes(&a);
}

bool is_at_16_bytes(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}

const float* floats(const ggml_tensor* tensor) {
    return tensor == nullptr ? nullptr : static_cast<const float*>(tensor->data);
}

/// All but the experts' weights; nothing where the kernel can't use them as they lie.
std::optional<hexcore_cuda_experts> values_of(const ExpertChain& chain) {
    const hexcore_cuda_experts experts = {
        .shape = chain.shape,
        .part = {},
        .gate_stride = chain.gate->nb[2],
        .up_stride = chain.up->nb[2],
        .down_stride = chain.down->nb[2],
        .gate_bias = floats(chain.gate_bias),
        .up_bias = floats(chain.up_bias),
        .down_bias = floats(chain.down_bias),
        .ids = static_cast<const std::int32_t*>(chain.ids->data),
        .ids_stride = chain.ids->nb[1] / sizeof(std::int32_t),
        .weights = floats(chain.weights),
        .x = floats(chain.x),
        .y = static_cast<float*>(chain.y->data),
        .is_counted = 0,
    };
    const bool is_aligned = is_at_16_bytes(experts.x) && experts.gate_stride % 16 == 0 &&
                            experts.up_stride % 16 == 0 && experts.down_stride % 16 == 0;
    // Over the experts' rows ggml does not fuse its sum either, and rounds otherwise.
    const bool is_apart = !overlap(*chain.y, *chain.ids) &&
                          (chain.weights == nullptr || !overlap(*chain.y, *chain.weights)) &&
                          !overlap(*chain.y, *chain.rows);
    // A token's result is there before the next one's activations are read.
    const bool spares_x =
        chain.shape.n_tokens == 1 || experts.y <= experts.x || !overlap(*chain.y, *chain.x);
    return is_aligned && is_apart && spares_x ? std::optional(experts) : std::nullopt;
}

/// Where the experts begin whose gate, up and down these are; up may be in the rows behind gate's.
hexcore_cuda_shard shard_of(const ExpertChain& chain, const ggml_tensor& gate,
                            const ggml_tensor& up, const ggml_tensor& down) {
    const std::size_t behind = chain.up == chain.gate
                                   ? static_cast<std::size_t>(chain.shape.n_ff) * gate.nb[1]
                                   : std::size_t{0};
    return {gate.data, static_cast<const std::byte*>(up.data) + behind, down.data, {}};
}

void add_expert(hexcore_cuda_shard& shard, std::size_t expert) {
    shard.experts[expert / 32] |= 1U << expert % 32;
}

bool is_aligned(const hexcore_cuda_shard& shard) {
    return is_at_16_bytes(shard.gate) && is_at_16_bytes(shard.up) && is_at_16_bytes(shard.down);
}

}  // namespace

std::optional<ChainWork> work_of(const ExpertChain& chain) {
    const auto experts = values_of(chain);
    hexcore_cuda_shard shard = shard_of(chain, *chain.gate, *chain.up, *chain.down);
    if (!experts || !is_aligned(shard) || chain.shape.n_expert > HEXCORE_CUDA_MOST_EXPERTS) {
        return std::nullopt;
    }
    ChainWork work{.experts = *experts,
                   .parts = {},
                   .host = nullptr,
                   .cache_row = 0,
                   .weights = chain.gate->data,
                   .is_shared = false};
    for (int e = 0; e < chain.shape.n_expert; ++e) {
        add_expert(shard, static_cast<std::size_t>(e));
    }
    work.experts.part.shards[0] = shard;
    return work;
}

std::optional<ChainWork> shared_work_of(const ExpertChain& chain, const TeamDevices& devices) {
    const ShardedTensor* const gate = sharded(chain.gate);
    const ShardedTensor* const up = sharded(chain.up);
    const ShardedTensor* const down = sharded(chain.down);
    const auto experts = values_of(chain);
    if (!experts || gate == nullptr || up == nullptr || down == nullptr || gate->map != up->map ||
        gate->map != down->map || gate->map->n_experts() > HEXCORE_CUDA_MOST_EXPERTS) {
        return std::nullopt;
    }
    ChainWork work{.experts = *experts,
                   .parts = {},
                   .host = nullptr,
                   .cache_row = 0,
                   .weights = gate,
                   .is_shared = true};
    work.experts.is_counted = 1;
    work.parts.resize(static_cast<std::size_t>(devices.n_cards));
    const ExpertMap& map = *gate->map;
    std::vector<std::uint16_t> n_shards(work.parts.size());
    hexcore_cuda_shard in_main_memory{};
    for (std::size_t d = 0; d < map.n_devices(); ++d) {
        const int card = devices.card_of[d];
        const std::uint16_t number =
            card >= 0 ? n_shards[static_cast<std::size_t>(card)]++ : std::uint16_t{0};
        if (map.count_on(DeviceId(d)) == 0) {
            continue;
        }
        if (card == TeamDevices::none || number >= HEXCORE_CUDA_MOST_SHARDS) {
            return std::nullopt;
        }
        hexcore_cuda_shard shard = shard_of(chain, gate->shards[d], up->shards[d], down->shards[d]);
        if (!is_aligned(shard)) {
            return std::nullopt;
        }
        for (std::size_t e = 0; e < map.n_experts(); ++e) {
            if (map.device_of(e) == DeviceId(d)) {
                add_expert(shard, e);
            }
        }
        (card == TeamDevices::in_main_memory
             ? in_main_memory
             : work.parts[static_cast<std::size_t>(card)].shards[number]) = shard;
    }
    work.experts.part = work.parts.front();
    work.experts.part.in_main_memory = in_main_memory;
    work.experts.part.message = -1;
    if (devices.n_cards == 1) {
        work.parts.clear();
    }
    return work;
}

}  // namespace hexcore
