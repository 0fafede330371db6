#pragma once

#include <vector>

#include "ggml-cpp.h"
#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// One layer and the output of a mixture in Mixtral-8x7B's shape and usual types (Q4_K, down
/// projections and output Q6_K), with weights of zeros: what is run to learn how fast a device is
/// and what its kernels take. 1.0 GiB of weights.
class ProbeLayer {
public:
    static constexpr std::int64_t n_embd = 4096;
    static constexpr std::int64_t n_prompt = 512;  ///< tokens of the prompt that is tried

    /// Makes the weights on `type`. ok() is false where they do not fit.
    explicit ProbeLayer(ggml_backend_buffer_type_t type);
    ProbeLayer(const ProbeLayer&) = delete;
    ProbeLayer& operator=(const ProbeLayer&) = delete;

    [[nodiscard]] bool ok() const { return buffer_ != nullptr; }
    [[nodiscard]] Bytes size() const { return Bytes(ggml_backend_buffer_get_size(buffer_.get())); }
    /// Of the weights, what computing one token reads.
    [[nodiscard]] Bytes read_for_a_token() const;
    /// The largest tensor, to copy to.
    [[nodiscard]] ggml_tensor& largest() { return *up_; }

    /// The graph of so many tokens, in `context`, without memory. Its inputs follow it.
    struct Graph {
        ggml_cgraph* graph = nullptr;
        ggml_tensor* activations = nullptr;  ///< F32 {n_embd, tokens}
        ggml_tensor* positions = nullptr;    ///< I32 {tokens}
        ggml_tensor* cells = nullptr;        ///< I64 {tokens}: where keys and values go
        ggml_tensor* mask = nullptr;         ///< F16 {cells, tokens}
    };
    [[nodiscard]] Graph build(ggml_context* context, std::int64_t n_tokens) const;

private:
    [[nodiscard]] ggml_tensor* attention(ggml_context* context, const Graph& made) const;
    [[nodiscard]] ggml_tensor* experts(ggml_context* context, ggml_tensor* x) const;

    ggml_context_ptr context_;
    ggml_backend_buffer_ptr buffer_;
    ggml_tensor* norm_ = nullptr;
    ggml_tensor* query_ = nullptr;
    ggml_tensor* key_ = nullptr;
    ggml_tensor* value_ = nullptr;
    ggml_tensor* attention_output_ = nullptr;
    ggml_tensor* router_ = nullptr;
    ggml_tensor* gate_ = nullptr;
    ggml_tensor* up_ = nullptr;
    ggml_tensor* down_ = nullptr;
    ggml_tensor* output_ = nullptr;
    ggml_tensor* keys_ = nullptr;    ///< the KV cache's
    ggml_tensor* values_ = nullptr;  ///< likewise
};

}  // namespace hexcore
