#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/base/check.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// What the query and key vectors of attention are normalised with.
enum class QkNorm {
    none,
    head,  ///< one weight for each element of a head
    full,  ///< one for each element of all heads
};

/// The dimensions of a model, without a file: what its config.json says. Files of shapes/ have
/// these keys; those that are missing are zero or false.
struct Shape {
    std::string name;
    std::string architecture;
    std::string source;  ///< where the numbers come from
    std::uint64_t published_parameters = 0;
    std::uint32_t n_layers = 0;
    std::uint32_t n_embd = 0;
    std::uint32_t n_vocab = 0;
    std::uint32_t n_ctx_train = 0;
    std::uint32_t n_head = 0;
    std::uint32_t n_head_kv = 0;
    std::uint32_t head_size = 0;
    QkNorm qk_norm = QkNorm::none;
    bool biases = false;           ///< on attention, router and experts
    bool attention_sinks = false;  ///< one number for each head
    std::uint32_t sliding_window = 0;
    std::uint32_t sliding_window_every = 0;  ///< N: all layers of N but the last have the window

    /// Multi-head latent attention (DeepSeek); kv_rank 0: ordinary attention.
    struct Latent {
        std::uint32_t q_rank = 0;
        std::uint32_t kv_rank = 0;
        std::uint32_t head_size_plain = 0;
        std::uint32_t head_size_rotary = 0;
        std::uint32_t head_size_v = 0;
    };
    Latent latent;

    std::uint32_t n_layers_dense = 0;  ///< the first so many have a dense FFN instead of experts
    std::uint32_t n_ff_dense = 0;
    std::uint32_t n_experts = 0;
    std::uint32_t n_experts_used = 0;
    std::uint32_t n_ff_expert = 0;
    std::uint32_t n_experts_shared = 0;
    bool router_bias = false;
};

/// The built-in shapes, as the texts of their JSON files; generated when the program is built.
[[nodiscard]] const std::vector<std::string_view>& shape_texts();

/// Sorted by name.
[[nodiscard]] const std::vector<Shape>& built_in_shapes();

/// Fails with ErrorCode::usage, naming the built-in shapes.
[[nodiscard]] Result<Shape> find_shape(std::string_view name);

}  // namespace hexcore
