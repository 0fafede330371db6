#include <gtest/gtest.h>

#include "hexcore/runtime/dry_run.hpp"
#include "runtime/loaded_model.hpp"

// Models that come with layers for predicting further tokens (multi-token prediction). libllama
// counts them among the layers that it divides between devices, and does not load them.

namespace hexcore::test {
namespace {

constexpr std::uint32_t n_embd = 64;
constexpr std::uint32_t n_vocab = 128;

void add_layer(GgufBuilder& file, std::uint32_t layer, std::uint32_t n_experts) {
    constexpr std::int64_t ff = 96;
    const std::string block = "blk." + std::to_string(layer) + ".";
    file.tensor(block + "attn_norm.weight", {n_embd})
        .tensor(block + "attn_q.weight", {n_embd, n_embd})
        .tensor(block + "attn_k.weight", {n_embd, n_embd / 2})
        .tensor(block + "attn_v.weight", {n_embd, n_embd / 2})
        .tensor(block + "attn_output.weight", {n_embd, n_embd})
        .tensor(block + "post_attention_norm.weight", {n_embd})
        .tensor(block + "ffn_gate_inp.weight", {n_embd, n_experts})
        .tensor(block + "exp_probs_b.bias", {n_experts})
        .tensor(block + "ffn_gate_exps.weight", {n_embd, ff, n_experts})
        .tensor(block + "ffn_up_exps.weight", {n_embd, ff, n_experts})
        .tensor(block + "ffn_down_exps.weight", {ff, n_embd, n_experts})
        .tensor(block + "ffn_gate_shexp.weight", {n_embd, ff})
        .tensor(block + "ffn_up_shexp.weight", {n_embd, ff})
        .tensor(block + "ffn_down_shexp.weight", {ff, n_embd});
}

/// A model of the GLM-4.5 architecture: `n_layers` layers with experts, the last of which predicts
/// further tokens.
void write_tiny_glm(const std::filesystem::path& path, std::uint32_t n_layers,
                    std::uint32_t n_experts) {
    GgufBuilder file;
    file.key("general.architecture", "glm4moe")
        .key("general.name", "Tiny GLM")
        .key("glm4moe.block_count", n_layers)
        .key("glm4moe.nextn_predict_layers", 1)
        .key("glm4moe.context_length", 1024)
        .key("glm4moe.embedding_length", n_embd)
        .key("glm4moe.feed_forward_length", 192)
        .key("glm4moe.expert_feed_forward_length", 96)
        .key("glm4moe.attention.head_count", 4)
        .key("glm4moe.attention.head_count_kv", 2)
        .key("glm4moe.rope.dimension_count", n_embd / 4)
        .key("glm4moe.vocab_size", n_vocab)
        .key("glm4moe.expert_count", n_experts)
        .key("glm4moe.expert_used_count", 2)
        .key("glm4moe.expert_shared_count", 1)
        .key("glm4moe.leading_dense_block_count", 0)
        .key("tokenizer.ggml.model", "no_vocab")
        .key_f32("glm4moe.attention.layer_norm_rms_epsilon", 1e-5F)
        .tensor("token_embd.weight", {n_embd, n_vocab});
    for (std::uint32_t layer = 0; layer < n_layers; ++layer) {
        add_layer(file, layer, n_experts);
    }
    const std::string last = "blk." + std::to_string(n_layers - 1) + ".nextn.";
    file.tensor(last + "eh_proj.weight", {2 * n_embd, n_embd})
        .tensor(last + "enorm.weight", {n_embd})
        .tensor(last + "hnorm.weight", {n_embd})
        .tensor("output_norm.weight", {n_embd})
        .tensor("output.weight", {n_embd, n_vocab});
    write_random(path, file, n_embd, 7);
}

class NextTokenLayers : public LoadedModelTest {
protected:
    void write_glm(std::uint32_t n_layers, std::uint32_t n_experts) {
        path_ = folder_.path() / "glm.gguf";
        write_tiny_glm(path_, n_layers, n_experts);
        read();
    }
};

TEST_F(NextTokenLayers, AreNotLoadedAndLeaveTheLogitsAsTheyAre) {
    for (const std::size_t n_devices : {1U, 2U, 4U}) {
        SCOPED_TRACE(fmt::format("{} devices", n_devices));
        write_glm(4, 6);
        ASSERT_EQ(inventory_.n_layers_nextn, 1U);
        make_machine(n_devices);
        const Plan plan = random_plan(11);
        const VerifyOptions options{.tokens = tokens_for(70, n_vocab), .threads = 2};
        std::vector<float> planned;
        {
            auto session = load(plan);
            ASSERT_TRUE(session.has_value()) << session.error().message;
            Bytes experts;
            for (std::size_t i = 0; i < n_devices; ++i) {
                experts += machine_->device(DeviceId(i)).memory().accounted().experts;
            }
            // Three of four layers: gate, up and down of 6 experts in F32, and slack for shards.
            const Bytes loaded(3ULL * 6 * 3 * n_embd * 96 * 4);
            EXPECT_GE(experts, loaded);
            const Bytes slack = ExpertLayout::shard_slack + ExpertLayout::shard_alignment;
            EXPECT_LT(experts, loaded + 3 * 3 * n_devices * slack);
            auto logits = planned_outputs(*session, options);
            ASSERT_TRUE(logits.has_value()) << logits.error().message;
            planned = std::move(*logits);
        }
        expect_empty_devices();
        expect_those_of_plain_libllama(planned, plan, options);
    }
}

TEST_F(NextTokenLayers, ArePlannedAsNothing) {
    write_glm(3, 8);
    make_machine(2);
    PlanRequest request;
    request.model = profile_from_inventory(inventory_);
    for (const DeviceSpec& spec : machine_->specs()) {
        DeviceFacts& facts = request.devices.emplace_back();
        facts.name = spec.name;
        facts.budget = spec.budget;
        facts.bandwidth_bytes_per_s = 10e9;
    }
    request.context = {.tokens = TokenCount(1024), .ubatch = TokenCount(512)};
    const ContextOptions context{.outputs = 512, .threads = 2};
    const auto plan = make_plan(request, make_dry_run(*machine_, inventory_, context));
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    ASSERT_EQ(plan->placement.expert_device.size(), 3U);
    EXPECT_EQ(plan->placement.expert_device[1].size(), 8U);
    EXPECT_TRUE(plan->placement.expert_device[2].empty());
    auto session = load(*plan);
    ASSERT_TRUE(session.has_value()) << session.error().message;
    for (std::size_t i = 0; i < machine_->size(); ++i) {
        const DeviceMemory& memory = machine_->device(DeviceId(i)).memory();
        EXPECT_EQ(memory.accounted(), plan->devices[i].planned) << i;
    }
}

}  // namespace
}  // namespace hexcore::test
