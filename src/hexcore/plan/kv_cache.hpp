#pragma once

#include <cstdint>

#include "hexcore/base/bytes.hpp"
#include "hexcore/model/inventory.hpp"
#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// Tokens of context for each sequence unless others are asked for, or the model was trained for
/// fewer. A model that does not tell counts as trained for so many.
inline constexpr std::uint32_t default_context_tokens = 4096;

/// The context as libllama makes it: tokens rounded up so that each sequence has a multiple of 256
/// (llama_context's constructor, with one KV stream for each sequence).
[[nodiscard]] ContextShape padded(const ContextShape& context);

/// The smallest step by which padded contexts differ: 256 tokens for each sequence.
[[nodiscard]] std::uint64_t context_step(const ContextShape& context);

/// KV cache of one layer, as llama_kv_cache allocates it: for every cell a row of n_head_kv *
/// head_size_k elements of K and one of n_head_kv * head_size_v of V, in blocks of the cache's type
/// (ggml-common.h: f16 2 bytes, q8_0 34 bytes for 32, q4_0 18 bytes for 32). Cells are the
/// context's tokens; in a layer with a sliding window, each sequence needs no more than window +
/// ubatch of them, rounded up to 256 (llama_kv_cache_iswa), unless it is to have them all.
[[nodiscard]] Bytes kv_cache_bytes(const LayerShape& layer, std::uint32_t sliding_window,
                                   const ContextShape& context);

}  // namespace hexcore
