#pragma once

#include "support/gguf_builder.hpp"

namespace hexcore::test {

/// The model that adapters of the fuzz target are for: matrices of each kind that one can modify,
/// and a vector, in few bytes.
inline GgufBuilder adapter_base() {
    GgufBuilder file = tiny_keys(2, 4);
    file.key("llama.nextn_predict_layers", 1);
    file.tensor("token_embd.weight", {8, 3})
        .tensor("blk.0.attn_norm.weight", {8})
        .tensor("blk.0.attn_q.weight", {256, 4}, GgufBuilder::q8_0)  // any block goes into a row
        .tensor("blk.0.ffn_gate_inp.weight", {8, 4})
        .tensor("blk.0.ffn_up_exps.weight", {8, 2, 4})
        .tensor("blk.0.ffn_down_exps.weight", {2, 8, 4})
        .tensor("blk.1.attn_q.weight", {8, 4});
    return file.tensor("output.weight", {8, 3});
}

}  // namespace hexcore::test
