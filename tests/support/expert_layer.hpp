#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-cpp.h"
#include "hexcore/backend/kernels/expert_chain.hpp"

namespace hexcore::test {

struct LayerOptions {
    ggml_type up_type = GGML_TYPE_Q4_K;
    ggml_type down_type = GGML_TYPE_Q4_K;
    std::int64_t n_embd = 512;
    std::int64_t n_ff = 256;
    std::int64_t n_experts = 8;
    std::int64_t n_used = 4;
    std::int64_t n_tokens = 1;
    ggml_glu_op glu = GGML_GLU_OP_SWIGLU;
    bool is_merged = false;
    bool has_biases = false;
    int layer = 0;
    bool norms_input = false;   ///< ggml has something to do before it
    bool weighs_input = false;  ///< with one expert: the activations, instead of its row
    bool shows_rows = false;    ///< whether somebody else reads the experts' rows
};

/// As gpt-oss has them.
inline constexpr LayerOptions layer_with_biases{.up_type = GGML_TYPE_MXFP4,
                                                .down_type = GGML_TYPE_MXFP4,
                                                .n_embd = 2880,
                                                .n_ff = 2880,
                                                .glu = GGML_GLU_OP_SWIGLU_OAI,
                                                .has_biases = true};

/// A layer of experts as llama.cpp builds it, whose weights have the names that it gives them.
class ExpertLayer {
public:
    explicit ExpertLayer(const LayerOptions& o)
        : context_(ggml_init(
              {.mem_size = std::size_t{1} << 20U, .mem_buffer = nullptr, .no_alloc = true})) {
        ggml_context* c = context_.get();
        x = ggml_new_tensor_3d(c, GGML_TYPE_F32, o.n_embd, 1, o.n_tokens);
        ids = ggml_new_tensor_2d(c, GGML_TYPE_I32, o.n_used, o.n_tokens);
        weights = ggml_new_tensor_3d(c, GGML_TYPE_F32, 1, o.n_used, o.n_tokens);
        ggml_tensor* const normed = o.norms_input ? ggml_rms_norm(c, x, 1e-5F) : x;
        ggml_tensor* const in = o.weighs_input ? ggml_mul(c, normed, weights) : normed;
        ggml_tensor* gate = nullptr;
        ggml_tensor* up = nullptr;
        if (o.is_merged) {
            ggml_tensor* both = product("gate_up", o.up_type, o.n_embd, 2 * o.n_ff, in, o);
            gate = half(both, 0);
            up = half(both, 1);
        } else {
            up = product("up", o.up_type, o.n_embd, o.n_ff, in, o);
            gate = product("gate", o.up_type, o.n_embd, o.n_ff, in, o);
        }
        ggml_tensor* h = o.glu == GGML_GLU_OP_SWIGLU_OAI
                             ? ggml_swiglu_oai(c, gate, up, 1.702F, 7.0F)
                             : ggml_glu_split(c, gate, up, o.glu);
        ggml_tensor* rows = product("down", o.down_type, o.n_ff, o.n_embd, h, o);
        ggml_tensor* weighted = o.weighs_input ? rows : ggml_mul(c, rows, weights);
        graph_ = ggml_new_graph(c);
        ggml_build_forward_expand(graph_, weighted);
        std::vector<ggml_tensor*> views;
        for (std::int64_t i = 0; i < o.n_used; ++i) {
            views.push_back(ggml_view_2d(c, weighted, o.n_embd, o.n_tokens, weighted->nb[2],
                                         static_cast<std::size_t>(i) * weighted->nb[1]));
            ggml_build_forward_expand(graph_, views.back());
        }
        y = views[0];
        for (std::size_t i = 1; i < views.size(); ++i) {
            y = ggml_add(c, y, views[i]);
            ggml_build_forward_expand(graph_, y);
        }
        if (o.n_used == 1) {
            y = ggml_cont(c, y);
        }
        result = ggml_scale(c, y, 2.0F);  // so that ggml has something to do behind it
        ggml_build_forward_expand(graph_, result);
        if (o.shows_rows) {
            ggml_build_forward_expand(graph_, ggml_scale(c, rows, 1.0F));
        }
    }

    [[nodiscard]] ggml_cgraph& graph() const { return *graph_; }
    [[nodiscard]] ggml_context* context() const { return context_.get(); }
    [[nodiscard]] std::optional<ExpertChain> chain() const {
        for (int i = 0; i < graph_->n_nodes; ++i) {
            if (auto found = find_expert_chain(*graph_, i)) {
                return found;
            }
        }
        return std::nullopt;
    }

    ggml_tensor* x;
    ggml_tensor* ids;
    ggml_tensor* weights;
    ggml_tensor* y;
    ggml_tensor* result;
    std::vector<ggml_tensor*> parameters;  ///< weights and biases

private:
    ggml_tensor* product(const char* what, ggml_type type, std::int64_t columns, std::int64_t rows,
                         ggml_tensor* in, const LayerOptions& o) {
        ggml_tensor* weight = ggml_new_tensor_3d(context_.get(), type, columns, rows, o.n_experts);
        ggml_format_name(weight, "blk.%d.ffn_%s_exps.weight", o.layer, what);
        parameters.push_back(weight);
        ggml_tensor* out = ggml_mul_mat_id(context_.get(), weight, in, ids);
        if (!o.has_biases) {
            return out;
        }
        ggml_tensor* bias = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, rows, o.n_experts);
        ggml_format_name(bias, "blk.%d.ffn_%s_exps.bias", o.layer, what);
        parameters.push_back(bias);
        return ggml_add_id(context_.get(), out, bias, ids);
    }
    ggml_tensor* half(ggml_tensor* both, std::size_t which) {
        const std::int64_t n = both->ne[0] / 2;
        return ggml_view_3d(context_.get(), both, n, both->ne[1], both->ne[2], both->nb[1],
                            both->nb[2], which * static_cast<std::size_t>(n) * sizeof(float));
    }

    ggml_context_ptr context_;
    ggml_cgraph* graph_ = nullptr;
};

/// Values around 1 in what is weighed, of any type. Weights have some rows again and again, for
/// making one takes longer than computing with it.
inline void fill_randomly(ggml_tensor& tensor, std::mt19937& random) {
    constexpr std::int64_t most_made = 64;
    const bool is_weight = tensor.type != GGML_TYPE_F32;
    const float scale = is_weight ? 2 / std::sqrt(static_cast<float>(tensor.ne[0])) : 1.0F;
    std::uniform_real_distribution<float> value(-scale, scale);
    std::vector<float> row(static_cast<std::size_t>(tensor.ne[0]));
    std::vector<std::byte> data(ggml_nbytes(&tensor));
    for (std::int64_t r = 0; r < ggml_nrows(&tensor); ++r) {
        std::byte* const to = data.data() + static_cast<std::size_t>(r) * tensor.nb[1];
        if (is_weight && r >= most_made) {
            std::memcpy(to, data.data() + random() % most_made * tensor.nb[1], tensor.nb[1]);
            continue;
        }
        std::generate(row.begin(), row.end(), [&] { return value(random); });
        if (is_weight) {
            ggml_quantize_chunk(tensor.type, row.data(), to, 0, 1, tensor.ne[0], nullptr);
        } else {
            std::memcpy(to, row.data(), row.size() * sizeof(float));
        }
    }
    ggml_backend_tensor_set(&tensor, data.data(), 0, data.size());
}

/// All that a layer has but the choice.
inline void fill_randomly(const ExpertLayer& layer) {
    std::mt19937 random(7);
    for (ggml_tensor* parameter : layer.parameters) {
        fill_randomly(*parameter, random);
    }
    fill_randomly(*layer.x, random);
    fill_randomly(*layer.weights, random);
}

inline std::vector<float> values_of(const ggml_tensor& tensor) {
    std::vector<float> result(static_cast<std::size_t>(ggml_nelements(&tensor)));
    ggml_backend_tensor_get(&tensor, result.data(), 0, ggml_nbytes(&tensor));
    return result;
}

}  // namespace hexcore::test
