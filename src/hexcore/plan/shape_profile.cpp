// A named shape as a ModelProfile: the tensors that llama.cpp's converter writes for it, one by
// one.

#include <algorithm>

#include "hexcore/plan/expert_cache.hpp"
#include "hexcore/plan/profile.hpp"
#include "hexcore/plan/quant_mix.hpp"
#include "hexcore/plan/shape.hpp"

namespace hexcore {
namespace {

/// A sum of tensors of one layer, or outside of the layers: bytes in the wanted types and elements.
class TensorSum {
public:
    TensorSum(const QuantMix& mix, const MatrixPlace& place) : mix_(mix), place_(place) {}

    /// A matrix that quantisation applies to: `rows` rows of `row_elements`.
    void matrix(std::uint64_t row_elements, std::uint64_t rows, MatrixUse use = MatrixUse::other) {
        place_.use = use;
        const Bytes bytes = matrix_bytes(mix_.type_of(place_), row_elements, rows);
        bytes_ += bytes;
        parts_ += expert_part_size(bytes);
        elements_ += row_elements * rows;
    }
    /// What stays in F32: norms, biases, routers.
    void plain(std::uint64_t elements) {
        bytes_ += Bytes(4) * elements;
        elements_ += elements;
    }
    [[nodiscard]] Bytes bytes() const { return bytes_; }
    /// As parts of an expert in an expert cache.
    [[nodiscard]] Bytes parts() const { return parts_; }
    [[nodiscard]] std::uint64_t elements() const { return elements_; }

private:
    const QuantMix& mix_;
    MatrixPlace place_;
    Bytes bytes_;
    Bytes parts_;
    std::uint64_t elements_ = 0;
};

std::uint64_t times(std::uint32_t a, std::uint32_t b) { return std::uint64_t{a} * b; }

void add_latent_attention(const Shape& shape, TensorSum& sum) {
    const Shape::Latent& latent = shape.latent;
    const std::uint64_t head_k = latent.head_size_plain + latent.head_size_rotary;
    sum.matrix(shape.n_embd, latent.q_rank);
    sum.plain(latent.q_rank);
    sum.matrix(latent.q_rank, shape.n_head * head_k);
    sum.matrix(shape.n_embd, latent.kv_rank + latent.head_size_rotary);
    sum.plain(latent.kv_rank);
    sum.matrix(latent.head_size_plain, times(latent.kv_rank, shape.n_head));
    sum.matrix(latent.kv_rank, times(latent.head_size_v, shape.n_head));
    sum.matrix(times(shape.n_head, latent.head_size_v), shape.n_embd, MatrixUse::attention_output);
}

void add_attention(const Shape& shape, TensorSum& sum) {
    const std::uint64_t q = times(shape.n_head, shape.head_size);
    const std::uint64_t kv = times(shape.n_head_kv, shape.head_size);
    sum.matrix(shape.n_embd, q);
    sum.matrix(shape.n_embd, kv, MatrixUse::attention_k);
    sum.matrix(shape.n_embd, kv, MatrixUse::attention_v);
    sum.matrix(q, shape.n_embd, MatrixUse::attention_output);
    if (shape.biases) {
        sum.plain(q + kv + kv + shape.n_embd);
    }
    if (shape.attention_sinks) {
        sum.plain(shape.n_head);
    }
    if (shape.qk_norm == QkNorm::head) {
        sum.plain(2 * shape.head_size);
    } else if (shape.qk_norm == QkNorm::full) {
        sum.plain(q + kv);
    }
}

void add_ffn(const Shape& shape, std::uint64_t width, TensorSum& sum) {
    sum.matrix(shape.n_embd, width);
    sum.matrix(shape.n_embd, width);
    sum.matrix(width, shape.n_embd, MatrixUse::ffn_down);
}

/// What one token keeps alive at the widest point of a layer: the residual stream and its norm, and
/// the larger of attention (queries, their result, keys, values) and FFN (gate, up and the result
/// of every expert used).
std::uint64_t activations(const Shape& shape, bool dense) {
    const bool latent = shape.latent.kv_rank > 0;
    const std::uint64_t head_q =
        latent ? shape.latent.kv_rank + shape.latent.head_size_rotary : shape.head_size;
    const std::uint64_t attention =
        2 * shape.n_head * head_q + 2 * times(shape.n_head_kv, shape.head_size);
    const std::uint64_t used = dense ? 1 : shape.n_experts_used;
    const std::uint64_t width = dense ? shape.n_ff_dense : shape.n_ff_expert;
    const std::uint64_t shared = dense ? 0 : times(shape.n_experts_shared, shape.n_ff_expert);
    const std::uint64_t ffn = used * (2 * width + shape.n_embd) + 2 * shared;
    return 2 * std::uint64_t{shape.n_embd} + std::max(attention, ffn);
}

LayerProfile layer_profile(const Shape& shape, const QuantMix& mix, std::uint32_t index,
                           std::uint64_t& parameters) {
    const bool dense = index < shape.n_layers_dense;
    const MatrixPlace place{.use = MatrixUse::other,
                            .layer = index,
                            .n_layers = shape.n_layers,
                            .n_experts = shape.n_experts};
    LayerProfile layer;
    TensorSum home(mix, place);
    home.plain(2 * std::uint64_t{shape.n_embd});
    if (shape.latent.kv_rank > 0) {
        add_latent_attention(shape, home);
        // libllama caches the latent vector and the rotary part, for all heads together, as K.
        layer.attention = {1, shape.latent.kv_rank + shape.latent.head_size_rotary, 0};
    } else {
        add_attention(shape, home);
        layer.attention = {shape.n_head_kv, shape.head_size, shape.head_size};
    }
    const std::uint32_t every = shape.sliding_window_every;
    if (every > 0 && index % every < every - 1) {
        layer.sliding_window = shape.sliding_window;
    }
    if (dense) {
        add_ffn(shape, shape.n_ff_dense, home);
    } else {
        home.plain(times(shape.n_embd, shape.n_experts));
        home.plain(shape.router_bias || shape.biases ? shape.n_experts : 0);
        if (shape.n_experts_shared > 0) {
            add_ffn(shape, times(shape.n_experts_shared, shape.n_ff_expert), home);
        }
        if (shape.biases) {  // small, and never moved with an expert
            home.plain(shape.n_experts * (2 * std::uint64_t{shape.n_ff_expert} + shape.n_embd));
        }
        TensorSum expert(mix, place);
        add_ffn(shape, shape.n_ff_expert, expert);
        layer.n_experts = shape.n_experts;
        layer.expert = expert.bytes();
        layer.expert_slot = expert.parts();
        parameters += expert.elements() * shape.n_experts;
    }
    layer.weights = home.bytes();
    parameters += home.elements();
    layer.activations = activations(shape, dense);
    return layer;
}

}  // namespace

Result<ModelProfile> profile_from_shape(std::string_view name, std::string_view quant) {
    HEXCORE_TRY(shape, find_shape(name));
    HEXCORE_TRY(mix, QuantMix::find(quant));
    ModelProfile profile;
    profile.name = shape.name;
    profile.architecture = shape.architecture;
    profile.n_experts = shape.n_experts;
    profile.n_experts_used = shape.n_experts_used;
    profile.n_embd = shape.n_embd;
    profile.n_vocab = shape.n_vocab;
    profile.n_ctx_train = shape.n_ctx_train;
    for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
        profile.layers.push_back(layer_profile(shape, mix, l, profile.parameters));
        profile.total += profile.layers.back().weights +
                         profile.layers.back().expert * profile.layers.back().n_experts;
    }
    TensorSum input(mix, {});
    input.matrix(shape.n_embd, shape.n_vocab, MatrixUse::input);
    TensorSum output(mix, {});
    output.plain(shape.n_embd);
    output.matrix(shape.n_embd, shape.n_vocab, MatrixUse::output);
    profile.input = input.bytes();
    profile.output = output.bytes();
    profile.total += input.bytes() + output.bytes();
    profile.parameters += input.elements() + output.elements();
    return profile;
}

std::vector<std::string> shape_names() {
    std::vector<std::string> names;
    for (const Shape& shape : built_in_shapes()) {
        names.push_back(shape.name);
    }
    return names;
}

std::string shape_source(std::string_view name) {
    const Result<Shape> shape = find_shape(name);
    return shape ? shape->source : "";
}

}  // namespace hexcore
