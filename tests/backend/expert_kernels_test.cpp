// Layers of experts as llama.cpp builds them: which of them our kernels are asked for, and, where
// there is a GPU, that they give ggml's bits.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/execution/inner_graph.hpp"
#include "hexcore/backend/kernels/chain_work.hpp"
#include "hexcore/backend/kernels/token_graph.hpp"
#include "hexcore/backend/machine.hpp"
#include "support/expert_layer.hpp"

namespace hexcore {
namespace {

using test::ExpertLayer;
using test::fill_randomly;
using test::LayerOptions;
using test::values_of;

TEST(ExpertChain, IsFoundFromTheFirstProductToTheSum) {
    const ExpertLayer layer({.down_type = GGML_TYPE_Q6_K});
    const auto chain = layer.chain();
    ASSERT_TRUE(chain.has_value());
    EXPECT_EQ(layer.graph().nodes[chain->first]->op, GGML_OP_MUL_MAT_ID);
    EXPECT_EQ(layer.graph().nodes[chain->last], layer.y);
    EXPECT_EQ(chain->x, layer.x);
    EXPECT_EQ(chain->up, layer.parameters[0]);
    EXPECT_EQ(chain->gate, layer.parameters[1]);
    EXPECT_EQ(chain->down, layer.parameters[2]);
    EXPECT_EQ(chain->shape.up_type, GGML_TYPE_Q4_K);
    EXPECT_EQ(chain->shape.down_type, GGML_TYPE_Q6_K);
    EXPECT_EQ(chain->shape.n_used, 4);
    EXPECT_EQ(chain->shape.has_biases, 0);
}

TEST(ExpertChain, IsFoundWithBiasesAndWithGateAndUpInOneTensor) {
    const ExpertLayer biased({.glu = GGML_GLU_OP_SWIGLU_OAI, .has_biases = true});
    const auto with_biases = biased.chain();
    ASSERT_TRUE(with_biases.has_value());
    EXPECT_EQ(with_biases->shape.glu, HEXCORE_CUDA_SWIGLU_OAI);
    EXPECT_EQ(with_biases->down_bias, biased.parameters[5]);
    const ExpertLayer merged({.glu = GGML_GLU_OP_GEGLU, .is_merged = true});
    const auto of_both = merged.chain();
    ASSERT_TRUE(of_both.has_value());
    EXPECT_EQ(of_both->up, of_both->gate);
    EXPECT_EQ(of_both->shape.n_ff, 256);
}

TEST(ExpertChain, IsFoundOfFloatsAndOfOneExpert) {
    const ExpertLayer floats({.up_type = GGML_TYPE_BF16, .down_type = GGML_TYPE_BF16});
    EXPECT_EQ(floats.chain().value().shape.up_type, GGML_TYPE_BF16);
    const ExpertLayer alone({.n_used = 1});
    const auto weighted = alone.chain();
    ASSERT_TRUE(weighted.has_value());
    EXPECT_EQ(weighted->weights, alone.weights);
    EXPECT_EQ(weighted->y, alone.y);
    EXPECT_EQ(weighted->shape.n_used, 1);
    const ExpertLayer before({.n_used = 1, .weighs_input = true});
    const auto unweighted = before.chain();
    ASSERT_TRUE(unweighted.has_value());
    EXPECT_EQ(unweighted->weights, nullptr);
    EXPECT_EQ(unweighted->y, before.y);
    EXPECT_NE(unweighted->x, before.x);
}

TEST(ExpertChain, IsFoundOfAFewTokens) {
    for (const std::int64_t n_tokens : {2, 8}) {
        const ExpertLayer layer({.n_tokens = n_tokens});
        const auto chain = layer.chain();
        ASSERT_TRUE(chain.has_value());
        EXPECT_EQ(chain->y, layer.y);
        EXPECT_EQ(chain->shape.n_tokens, n_tokens);
        EXPECT_TRUE(ExpertLayer({.n_tokens = n_tokens, .is_merged = true}).chain());
        EXPECT_TRUE(ExpertLayer({.n_tokens = n_tokens, .has_biases = true}).chain());
    }
}

/// A token's result would be where the next one's activations are.
TEST(ExpertChain, OfAFewTokensIsLeftToGgmlWhereItsResultLiesBehindItsActivations) {
    alignas(16) std::array<float, 2048> memory{};
    const auto work_with = [&](std::int64_t n_tokens, std::ptrdiff_t result_at) {
        const ExpertLayer layer({.n_embd = 256, .n_used = 2, .n_tokens = n_tokens});
        const ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors_from_buft(
            layer.context(), ggml_backend_cpu_buffer_type()));
        float* const x = memory.data() + 512;
        layer.x->data = x;
        layer.y->data = x + result_at;
        return work_of(layer.chain().value());
    };
    for (const std::ptrdiff_t before : {0, -4, -256}) {
        EXPECT_TRUE(work_with(2, before)) << before;
    }
    EXPECT_FALSE(work_with(2, 4));
    EXPECT_FALSE(work_with(2, 256));
    EXPECT_TRUE(work_with(2, 512));
    EXPECT_TRUE(work_with(1, 4));
}

TEST(ExpertChain, IsLeftToGgmlWhereItIsAnotherOne) {
    EXPECT_FALSE(ExpertLayer({.n_tokens = 9}).chain());
    EXPECT_FALSE(ExpertLayer({.n_used = 1, .n_tokens = 2}).chain());
    EXPECT_FALSE(ExpertLayer({.up_type = GGML_TYPE_F32}).chain());
    EXPECT_FALSE(ExpertLayer({.glu = GGML_GLU_OP_REGLU}).chain());
    EXPECT_FALSE(ExpertLayer({.shows_rows = true}).chain());
    const ExpertLayer shown({});
    shown.y->src[0]->flags |= GGML_TENSOR_FLAG_OUTPUT;
    EXPECT_FALSE(shown.chain());
}

/// The first GPU, or why there is nothing to be tried on it.
class ExpertKernelsOnGpu : public ::testing::Test {
protected:
    void SetUp() override {
        auto machine =
            Machine::create({{.kind = DeviceKind::cuda, .name = "cuda:0", .budget = 2_GiB}});
        if (!machine) {
            GTEST_SKIP() << machine.error().message;
        }
        machine_ = std::move(*machine);
        if (KernelLibrary::find() == nullptr) {
            GTEST_SKIP() << "libhexcore-cuda.so was not built";
        }
    }

    /// Of one layer, computed by ggml's kernels and by ours.
    void compare(const LayerOptions& options);

    std::unique_ptr<Machine> machine_;
};

void ExpertKernelsOnGpu::compare(const LayerOptions& options) {
    SCOPED_TRACE(ggml_type_name(options.up_type) + std::string(" and ") +
                 ggml_type_name(options.down_type) + ", " + std::to_string(options.n_ff));
    Device& device = machine_->device(DeviceId(0));
    const ExpertLayer layer(options);
    // Each of the weights ends where its memory does, as far as a tool that looks can tell.
    std::vector<ggml_backend_buffer_ptr> own;
    for (ggml_tensor* parameter : layer.parameters) {
        own.emplace_back(ggml_backend_buft_alloc_buffer(
            device.buffer_type(),
            ggml_backend_buft_get_alloc_size(device.buffer_type(), parameter)));
        ASSERT_NE(own.back(), nullptr);
        ASSERT_EQ(ggml_backend_tensor_alloc(own.back().get(), parameter,
                                            ggml_backend_buffer_get_base(own.back().get())),
                  GGML_STATUS_SUCCESS);
    }
    const ggml_backend_buffer_ptr buffer(
        ggml_backend_alloc_ctx_tensors_from_buft(layer.context(), device.buffer_type()));
    ASSERT_NE(buffer, nullptr);
    fill_randomly(layer);
    std::vector<std::int32_t> ids;  // each token has others
    for (std::int64_t i = 0; i < ggml_nelements(layer.ids); ++i) {
        const std::int64_t token = i / options.n_used;
        ids.push_back(static_cast<std::int32_t>(
            (8 * options.n_experts - 1 - i % options.n_used - token) % options.n_experts));
    }
    ggml_backend_tensor_set(layer.ids, ids.data(), 0, ids.size() * sizeof(ids[0]));

    InnerGraph inner(device);
    for (int i = 0; i < layer.graph().n_nodes; ++i) {
        inner.add_node(*layer.graph().nodes[i], ggml_node_get_use_count(&layer.graph(), i));
    }
    const auto backend = device.inner_backend();
    ASSERT_EQ(backend->compute(inner.finish(), {}), GGML_STATUS_SUCCESS);
    backend->synchronize();
    const std::vector<float> expected = values_of(*layer.result);
    ASSERT_TRUE(std::isfinite(expected[0]));

    const auto team = ExpertTeam::create(device, FewTokens::always);
    ASSERT_NE(team, nullptr);
    const ExpertBiases biases(device.machine());
    team->reserve(layer.graph(), biases);
    const auto token = TokenGraph::create(inner.finish(), *team);
    ASSERT_NE(token, nullptr);
    for (const char* what : {"tried", "recorded", "replayed", "replayed again"}) {
        const std::vector<float> nothing(expected.size());
        ggml_backend_tensor_set(layer.result, nothing.data(), 0, ggml_nbytes(layer.result));
        ASSERT_EQ(backend->compute(*token, {}), GGML_STATUS_SUCCESS) << what;
        backend->synchronize();
        EXPECT_EQ(token->n_ours(), 1U) << what;
        EXPECT_EQ(std::memcmp(values_of(*layer.result).data(), expected.data(),
                              expected.size() * sizeof(float)),
                  0)
            << what;
    }
}

constexpr std::pair<ggml_type, ggml_type> quantised_pairs[] = {
    {GGML_TYPE_Q4_0, GGML_TYPE_Q4_0},     {GGML_TYPE_Q8_0, GGML_TYPE_Q8_0},
    {GGML_TYPE_Q4_K, GGML_TYPE_Q4_K},     {GGML_TYPE_Q4_K, GGML_TYPE_Q6_K},
    {GGML_TYPE_Q4_K, GGML_TYPE_Q5_K},     {GGML_TYPE_Q5_K, GGML_TYPE_Q5_K},
    {GGML_TYPE_Q5_K, GGML_TYPE_Q6_K},     {GGML_TYPE_Q6_K, GGML_TYPE_Q6_K},
    {GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_NL}, {GGML_TYPE_IQ4_XS, GGML_TYPE_IQ4_XS},
    {GGML_TYPE_IQ4_XS, GGML_TYPE_Q5_K},   {GGML_TYPE_MXFP4, GGML_TYPE_MXFP4},
};

TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsForEveryPairOfTypes) {
    for (const auto& [up, down] : quantised_pairs) {
        compare({.up_type = up, .down_type = down});
    }
    for (const ggml_type type : {GGML_TYPE_F16, GGML_TYPE_BF16}) {
        compare({.up_type = type, .down_type = type, .n_embd = 1024, .n_ff = 768, .n_used = 2});
    }
}

/// Launches one after the other take longer there than ggml's kernel for all tokens.
TEST_F(ExpertKernelsOnGpu, AreNotUsedForAFewTokensOfSmallExperts) {
    Device& device = machine_->device(DeviceId(0));
    const ExpertLayer layer({.n_tokens = 2});
    const ggml_backend_buffer_ptr buffer(
        ggml_backend_alloc_ctx_tensors_from_buft(layer.context(), device.buffer_type()));
    ASSERT_NE(buffer, nullptr);
    const ExpertBiases biases(device.machine());
    for (const auto few_tokens : {FewTokens::of_large_experts, FewTokens::always}) {
        const auto team = ExpertTeam::create(device, few_tokens);
        ASSERT_NE(team, nullptr);
        team->reserve(layer.graph(), biases);
        EXPECT_EQ(TokenGraph::create(layer.graph(), *team) != nullptr,
                  few_tokens == FewTokens::always);
    }
}

/// Batches whose rows ggml adds up in another order.
TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsForAFewTokens) {
    for (const auto& [up, down] : quantised_pairs) {
        for (const std::int64_t n_tokens : {2, 5, 8}) {
            // Rows of down that are short, that end within a turn, and that are long.
            for (const std::int64_t n_ff : {256, 768, 2304, 4096}) {
                compare({.up_type = up,
                         .down_type = down,
                         .n_embd = 1024,
                         .n_ff = n_ff,
                         .n_tokens = n_tokens});
            }
        }
    }
}

/// ggml's order of a row's sum is another one for other lengths of rows.
TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsForFloatsInRowsOfEveryLength) {
    for (const ggml_type type : {GGML_TYPE_F16, GGML_TYPE_BF16}) {
        for (const std::int64_t n_ff : {640, 768, 896, 1024, 1280, 1408, 1536, 1792, 2048, 2880}) {
            compare({.up_type = type,
                     .down_type = type,
                     .n_embd = 1024,
                     .n_ff = n_ff,
                     .n_experts = 4,
                     .n_used = 4});
        }
        compare({.up_type = type,
                 .down_type = type,
                 .n_embd = 1024,
                 .n_ff = 14336,
                 .n_experts = 2,
                 .n_used = 2});
        compare({.up_type = type,
                 .down_type = type,
                 .n_embd = 2880,
                 .n_ff = 2880,
                 .n_experts = 4,
                 .glu = GGML_GLU_OP_SWIGLU_OAI,
                 .has_biases = true});
        compare({.up_type = type,
                 .down_type = type,
                 .n_embd = 2880,
                 .n_ff = 768,
                 .glu = GGML_GLU_OP_GEGLU,
                 .is_merged = true});
    }
}

TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsInAThousandRandomLayers) {
    std::mt19937 random(20);
    const auto one_of = [&](std::int64_t least, std::int64_t most) {
        return std::uniform_int_distribution<std::int64_t>(least, most)(random);
    };
    for (int i = 0; i < 1000 && !HasFailure(); ++i) {
        const auto& [up, down] = quantised_pairs[random() % std::size(quantised_pairs)];
        LayerOptions options{.up_type = up,
                             .down_type = down,
                             .n_embd = 256 * one_of(1, 6),
                             .n_ff = 256 * one_of(1, 6),
                             .n_experts = one_of(2, 24)};
        options.n_used = one_of(1, std::min<std::int64_t>(options.n_experts, 16));
        options.glu = random() % 2 == 0   ? GGML_GLU_OP_SWIGLU
                      : random() % 2 == 0 ? GGML_GLU_OP_GEGLU
                                          : GGML_GLU_OP_SWIGLU_OAI;
        options.is_merged = random() % 3 == 0 && options.glu != GGML_GLU_OP_SWIGLU_OAI;
        options.has_biases = !options.is_merged && random() % 3 == 0;
        options.norms_input = random() % 2 == 0;
        options.n_tokens = random() % 2 == 0 || options.n_used == 1 ? 1 : one_of(2, 8);
        SCOPED_TRACE(fmt::format("{}: {} tokens, {} wide, {} of {}, {}, merged {}, biases {}", i,
                                 options.n_tokens, options.n_embd, options.n_used,
                                 options.n_experts, ggml_glu_op_name(options.glu),
                                 options.is_merged, options.has_biases));
        compare(options);
    }
}

TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsForOneExpert) {
    for (const bool weighs_input : {false, true}) {
        compare({.n_embd = 1024, .n_ff = 2048, .n_used = 1, .weighs_input = weighs_input});
        compare({.up_type = GGML_TYPE_BF16,
                 .down_type = GGML_TYPE_BF16,
                 .n_embd = 1024,
                 .n_ff = 2048,
                 .n_used = 1,
                 .weighs_input = weighs_input});
    }
}

TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsInEveryForm) {
    compare({.n_embd = 1024, .n_ff = 4096, .n_experts = 4, .n_used = 2});
    compare({.n_ff = 768, .n_experts = 64, .n_used = 16});
    compare({.glu = GGML_GLU_OP_GEGLU, .is_merged = true});
    compare({.n_tokens = 3, .glu = GGML_GLU_OP_GEGLU, .is_merged = true});
    compare({.n_embd = 2048, .n_ff = 768, .n_experts = 32, .n_used = 8, .n_tokens = 8});
    auto with_biases = test::layer_with_biases;
    compare(with_biases);
    with_biases.n_tokens = 4;
    compare(with_biases);
}

}  // namespace
}  // namespace hexcore
