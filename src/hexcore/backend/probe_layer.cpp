#include "hexcore/backend/probe_layer.hpp"

#include <cmath>

namespace hexcore {
namespace {

constexpr std::int64_t n_ff = 14336;
constexpr std::int64_t n_head = 32;
constexpr std::int64_t n_head_kv = 8;
constexpr std::int64_t head_size = ProbeLayer::n_embd / n_head;
constexpr std::int64_t n_experts = 8;
constexpr std::int64_t probed_experts = 2;
constexpr std::int64_t n_vocab = 32000;
constexpr std::int64_t n_cells = 4096;
constexpr float norm_epsilon = 1e-5F;

}  // namespace

ProbeLayer::ProbeLayer(ggml_backend_buffer_type_t type)
    : context_(ggml_init(
          {.mem_size = 16 * ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true})) {
    ggml_context* const context = context_.get();
    const std::int64_t n_kv = n_head_kv * head_size;
    norm_ = ggml_new_tensor_1d(context, GGML_TYPE_F32, n_embd);
    query_ = ggml_new_tensor_2d(context, GGML_TYPE_Q4_K, n_embd, n_embd);
    key_ = ggml_new_tensor_2d(context, GGML_TYPE_Q4_K, n_embd, n_kv);
    value_ = ggml_new_tensor_2d(context, GGML_TYPE_Q6_K, n_embd, n_kv);
    attention_output_ = ggml_new_tensor_2d(context, GGML_TYPE_Q4_K, n_embd, n_embd);
    router_ = ggml_new_tensor_2d(context, GGML_TYPE_F32, n_embd, n_experts);
    gate_ = ggml_new_tensor_3d(context, GGML_TYPE_Q4_K, n_embd, n_ff, n_experts);
    up_ = ggml_new_tensor_3d(context, GGML_TYPE_Q4_K, n_embd, n_ff, n_experts);
    down_ = ggml_new_tensor_3d(context, GGML_TYPE_Q6_K, n_ff, n_embd, n_experts);
    output_ = ggml_new_tensor_2d(context, GGML_TYPE_Q6_K, n_embd, n_vocab);
    keys_ = ggml_new_tensor_2d(context, GGML_TYPE_F16, n_kv, n_cells);
    values_ = ggml_new_tensor_2d(context, GGML_TYPE_F16, n_kv, n_cells);
    buffer_.reset(ggml_backend_alloc_ctx_tensors_from_buft(context, type));
    if (buffer_) {
        ggml_backend_buffer_set_usage(buffer_.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
        ggml_backend_buffer_clear(buffer_.get(), 0);
    }
}

Bytes ProbeLayer::read_for_a_token() const {
    Bytes whole;
    for (const ggml_tensor* tensor :
         {norm_, query_, key_, value_, attention_output_, router_, output_}) {
        whole += Bytes(ggml_nbytes(tensor));
    }
    Bytes experts;
    for (const ggml_tensor* tensor : {gate_, up_, down_}) {
        experts += Bytes(ggml_nbytes(tensor));
    }
    return whole + Bytes(experts.count() / n_experts * probed_experts);
}

ProbeLayer::Graph ProbeLayer::build(ggml_context* context, std::int64_t n_tokens) const {
    Graph made;
    made.graph = ggml_new_graph(context);
    made.activations = ggml_new_tensor_2d(context, GGML_TYPE_F32, n_embd, n_tokens);
    made.positions = ggml_new_tensor_1d(context, GGML_TYPE_I32, n_tokens);
    made.cells = ggml_new_tensor_1d(context, GGML_TYPE_I64, n_tokens);
    made.mask = ggml_new_tensor_2d(context, GGML_TYPE_F16, n_cells, n_tokens);
    for (ggml_tensor* input : {made.activations, made.positions, made.cells, made.mask}) {
        ggml_set_input(input);
    }
    ggml_tensor* x = attention(context, made);
    x = ggml_add(context, x, experts(context, x));
    ggml_tensor* logits = ggml_mul_mat(context, output_, x);
    ggml_set_output(logits);
    ggml_build_forward_expand(made.graph, logits);
    return made;
}

ggml_tensor* ProbeLayer::attention(ggml_context* context, const Graph& made) const {
    ggml_tensor* const input = made.activations;
    const std::int64_t n_tokens = input->ne[1];
    ggml_tensor* x = ggml_mul(context, ggml_rms_norm(context, input, norm_epsilon), norm_);
    const auto rotated = [&](ggml_tensor* weight, std::int64_t heads) {
        ggml_tensor* rows = ggml_mul_mat(context, weight, x);
        return ggml_rope(context, ggml_reshape_3d(context, rows, head_size, heads, n_tokens),
                         made.positions, static_cast<int>(head_size), GGML_ROPE_TYPE_NORMAL);
    };
    ggml_tensor* query = rotated(query_, n_head);
    ggml_tensor* key = rotated(key_, n_head_kv);
    ggml_tensor* value = ggml_mul_mat(context, value_, x);
    const std::int64_t n_kv = n_head_kv * head_size;
    key = ggml_set_rows(context, keys_, ggml_reshape_2d(context, key, n_kv, n_tokens), made.cells);
    value = ggml_set_rows(context, values_, value, made.cells);
    ggml_build_forward_expand(made.graph, key);
    ggml_build_forward_expand(made.graph, value);
    const auto heads = [&](ggml_tensor* cache) {
        ggml_tensor* split = ggml_reshape_3d(context, cache, head_size, n_head_kv, n_cells);
        return ggml_permute(context, split, 0, 2, 1, 3);
    };
    ggml_tensor* result = ggml_flash_attn_ext(
        context, ggml_permute(context, query, 0, 2, 1, 3), heads(keys_), heads(values_), made.mask,
        1.0F / std::sqrt(static_cast<float>(head_size)), 0.0F, 0.0F);
    result = ggml_reshape_2d(context, result, n_embd, n_tokens);
    return ggml_add(context, ggml_mul_mat(context, attention_output_, result), input);
}

ggml_tensor* ProbeLayer::experts(ggml_context* context, ggml_tensor* x) const {
    const std::int64_t n_tokens = x->ne[1];
    x = ggml_mul(context, ggml_rms_norm(context, x, norm_epsilon), norm_);
    ggml_tensor* chances = ggml_soft_max(context, ggml_mul_mat(context, router_, x));
    ggml_tensor* ids = ggml_argsort_top_k(context, chances, static_cast<int>(probed_experts));
    ggml_tensor* weights =
        ggml_get_rows(context, ggml_reshape_3d(context, chances, 1, n_experts, n_tokens), ids);
    ggml_tensor* rows = ggml_reshape_3d(context, x, n_embd, 1, n_tokens);
    ggml_tensor* gated = ggml_swiglu_split(context, ggml_mul_mat_id(context, gate_, rows, ids),
                                           ggml_mul_mat_id(context, up_, rows, ids));
    ggml_tensor* each = ggml_mul(context, ggml_mul_mat_id(context, down_, gated, ids), weights);
    ggml_tensor* sum = nullptr;
    for (std::int64_t i = 0; i < probed_experts; ++i) {
        ggml_tensor* one = ggml_view_2d(context, each, n_embd, n_tokens, each->nb[2],
                                        static_cast<std::size_t>(i) * each->nb[1]);
        sum = sum == nullptr ? one : ggml_add(context, sum, one);
    }
    return sum;
}

}  // namespace hexcore
