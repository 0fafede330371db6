#include "hexcore/model/tensor_name.hpp"

#include <gtest/gtest.h>

#include "hexcore/model/tensor_type.hpp"

namespace hexcore {
namespace {

TensorRole role(std::string_view name, std::int64_t n_experts = 1) {
    return role_of(parse_tensor_name(name), {32, 32, n_experts, 1});
}

TEST(TensorName, IsTakenApart) {
    const TensorName name = parse_tensor_name("blk.12.attn_q.weight");
    EXPECT_EQ(name.layer, LayerIndex(12));
    EXPECT_EQ(name.base, "attn_q");
    EXPECT_EQ(name.suffix, "weight");
    EXPECT_FALSE(parse_tensor_name("output.weight").layer);
    EXPECT_EQ(parse_tensor_name("blk.3.ssm_a").base, "ssm_a");
    EXPECT_EQ(parse_tensor_name("blk.3.ssm_a").suffix, "");
}

TEST(TensorName, WithoutAProperLayerNumberHasNoLayer) {
    for (const char* name : {"blk.", "blk.x.attn_q", "blk.-1.attn_q", "blk.1", "blk..attn_q", ""}) {
        EXPECT_FALSE(parse_tensor_name(name).layer) << name;
    }
}

TEST(TensorName, LayerNumbersTooLargeForAnyModelStayTooLarge) {
    EXPECT_EQ(parse_tensor_name("blk.99999999999999999999.attn_q.weight").layer,
              LayerIndex(0xFFFFFFFFU));
}

TEST(TensorRole, TellsWhatStaysWithALayer) {
    for (const char* name :
         {"blk.0.attn_q.weight", "blk.0.attn_output.bias", "blk.0.attn_kv_a_mqa.weight",
          "blk.0.attn_k_b.weight", "blk.0.attn_sinks.weight", "blk.0.ssm_conv1d.weight",
          "blk.0.ssm_a", "blk.0.time_mix_key.weight", "blk.0.shortconv.conv.weight",
          "blk.0.indexer.attn_k.weight"}) {
        EXPECT_EQ(role(name), TensorRole::attention) << name;
    }
    for (const char* name :
         {"blk.0.attn_norm.weight", "blk.0.ffn_norm.weight", "blk.0.attn_q_a_norm.weight",
          "blk.0.post_attention_norm.weight", "blk.0.ffn_norm_exps.weight", "output_norm.weight",
          "token_embd_norm.weight"}) {
        EXPECT_EQ(role(name), TensorRole::norm) << name;
    }
    for (const char* name : {"blk.0.ffn_gate_inp.weight", "blk.0.ffn_gate_inp.bias",
                             "blk.0.exp_probs_b.bias", "blk.0.exp_probs_b"}) {
        EXPECT_EQ(role(name), TensorRole::router) << name;
    }
    for (const char* name : {"blk.0.ffn_up_shexp.weight", "blk.0.ffn_gate_inp_shexp.weight"}) {
        EXPECT_EQ(role(name), TensorRole::shared_expert) << name;
    }
    for (const char* name : {"blk.0.ffn_down.weight", "blk.0.ffn_up.bias"}) {
        EXPECT_EQ(role(name), TensorRole::dense_ffn) << name;
    }
}

TEST(TensorRole, TellsExpertsFromTheirBiasesAndScales) {
    for (const char* name : {"blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight",
                             "blk.0.ffn_down_exps.weight", "blk.0.ffn_gate_up_exps.weight"}) {
        EXPECT_EQ(role(name, 8), TensorRole::expert) << name;
    }
    EXPECT_EQ(role("blk.0.ffn_gate_exps.bias"), TensorRole::other);
    EXPECT_EQ(role("blk.0.ffn_down_exps.scale"), TensorRole::other);
    EXPECT_EQ(role("blk.0.ffn_down_exps.bias", 8), TensorRole::expert);
    EXPECT_EQ(role("blk.0.ffn_gate_chexps.weight", 8), TensorRole::other);
}

TEST(TensorRole, TellsWhatLiesOutsideTheLayers) {
    EXPECT_EQ(role("token_embd.weight"), TensorRole::embedding);
    EXPECT_EQ(role("position_embd.weight"), TensorRole::embedding);
    EXPECT_EQ(role("output.weight"), TensorRole::output);
    EXPECT_EQ(role("cls.output.weight"), TensorRole::output);
    EXPECT_EQ(role("rope_freqs.weight"), TensorRole::other);
    EXPECT_EQ(role("ffn_up_exps.weight", 8), TensorRole::other);
}

TEST(TensorType, AnyNumberIsSafeToAskFor) {
    for (const std::uint32_t number : {4U, 5U, 31U, 38U, 1000U, 0x7FFFFFFFU, 0x80000000U, ~0U}) {
        EXPECT_FALSE(tensor_type(number)) << number;
    }
    ASSERT_TRUE(tensor_type(12));
    EXPECT_STREQ(tensor_type(12)->name, "q4_K");
    EXPECT_EQ(tensor_type(12)->block_elements, 256);
    EXPECT_EQ(tensor_type(12)->block_bytes, 144);
}

}  // namespace
}  // namespace hexcore
