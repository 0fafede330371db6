#include "hexcore/plan/kv_cache.hpp"

#include <algorithm>
#include <limits>

#include "hexcore/plan/quant_type.hpp"

namespace hexcore {
namespace {

constexpr std::uint64_t cell_padding = 256;

std::uint64_t pad(std::uint64_t cells) {
    return round_up(Bytes(cells), Bytes(cell_padding)).count();
}

Bytes row_bytes(KvType type, std::uint64_t elements) {
    const QuantType stored = find_quant_type(to_string(type)).value();
    return Bytes(stored.block_bytes) *
           ((elements + stored.block_elements - 1) / stored.block_elements);
}

}  // namespace

std::uint64_t context_step(const ContextShape& context) {
    return cell_padding * std::max(context.sequences, 1U);
}

ContextShape padded(const ContextShape& context) {
    const std::uint64_t sequences = std::max(context.sequences, 1U);
    const std::uint64_t each = pad(pad(context.tokens.value()) / sequences);
    const std::uint64_t all = std::min<std::uint64_t>(std::max(each, cell_padding) * sequences,
                                                      std::numeric_limits<std::uint32_t>::max());
    ContextShape result = context;
    result.tokens = TokenCount(static_cast<std::uint32_t>(all));
    return result;
}

Bytes kv_cache_bytes(const LayerShape& layer, std::uint32_t sliding_window,
                     const ContextShape& context) {
    const std::uint64_t sequences = std::max(context.sequences, 1U);
    std::uint64_t cells = context.tokens.value();
    if (sliding_window > 0 && !context.swa_full) {
        const std::uint64_t each = std::min<std::uint64_t>(
            cells / sequences, std::uint64_t{sliding_window} + context.ubatch.value());
        cells = pad(each) * sequences;
    }
    const std::uint64_t heads = layer.n_head_kv;
    const Bytes cell = row_bytes(context.kv_type, heads * layer.head_size_k) +
                       row_bytes(context.kv_type, heads * layer.head_size_v);
    return cell * cells;
}

}  // namespace hexcore
