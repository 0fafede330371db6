#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "hexcore/model/inventory.hpp"

namespace hexcore {

/// A tensor's name in parts: `blk.12.attn_q.weight` is layer 12, base `attn_q`, suffix `weight`.
struct TensorName {
    std::optional<LayerIndex> layer;  ///< saturates at 2^32 - 1; empty without `blk.`
    std::string_view base;            ///< up to the first dot after the layer
    std::string_view suffix;          ///< behind that dot; empty where there is none
};

/// Takes a name apart; the parts point into `name`.
[[nodiscard]] TensorName parse_tensor_name(std::string_view name);

/// The role of a tensor by the names that llama.cpp gives (its table LLM_TENSOR_NAMES). `shape`
/// tells merged experts (three dimensions) from their biases and scales, which stay with the layer.
[[nodiscard]] TensorRole role_of(const TensorName& name, const std::array<std::int64_t, 4>& shape);

/// Whether the tensor is one expert of a layout in which experts were not merged, as in
/// `blk.0.ffn_gate.3.weight`.
[[nodiscard]] bool is_unmerged_expert(const TensorName& name);

}  // namespace hexcore
