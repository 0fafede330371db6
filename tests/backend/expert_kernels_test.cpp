// Layers of experts as llama.cpp builds them: which of them our kernels are asked for, and, where
// there is a GPU, that they give ggml's bits.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-cpp.h"
#include "hexcore/backend/execution/inner_backend.hpp"
#include "hexcore/backend/execution/inner_graph.hpp"
#include "hexcore/backend/kernels/expert_chain.hpp"
#include "hexcore/backend/kernels/token_graph.hpp"
#include "hexcore/backend/machine.hpp"

namespace hexcore {
namespace {

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
    bool shows_rows = false;  ///< whether somebody else reads the experts' rows
};

class ExpertLayer {
public:
    explicit ExpertLayer(const LayerOptions& o)
        : context_(ggml_init(
              {.mem_size = std::size_t{1} << 20U, .mem_buffer = nullptr, .no_alloc = true})) {
        ggml_context* c = context_.get();
        x = ggml_new_tensor_3d(c, GGML_TYPE_F32, o.n_embd, 1, o.n_tokens);
        ids = ggml_new_tensor_2d(c, GGML_TYPE_I32, o.n_used, o.n_tokens);
        weights = ggml_new_tensor_3d(c, GGML_TYPE_F32, 1, o.n_used, o.n_tokens);
        ggml_tensor* gate = nullptr;
        ggml_tensor* up = nullptr;
        if (o.is_merged) {
            ggml_tensor* both = product(o.up_type, o.n_embd, 2 * o.n_ff, x, o);
            gate = half(both, 0);
            up = half(both, 1);
        } else {
            up = product(o.up_type, o.n_embd, o.n_ff, x, o);
            gate = product(o.up_type, o.n_embd, o.n_ff, x, o);
        }
        ggml_tensor* h = o.glu == GGML_GLU_OP_SWIGLU_OAI
                             ? ggml_swiglu_oai(c, gate, up, 1.702F, 7.0F)
                             : ggml_glu_split(c, gate, up, o.glu);
        ggml_tensor* rows = product(o.down_type, o.n_ff, o.n_embd, h, o);
        ggml_tensor* weighted = ggml_mul(c, rows, weights);
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
    ggml_tensor* product(ggml_type type, std::int64_t columns, std::int64_t rows, ggml_tensor* in,
                         const LayerOptions& o) {
        ggml_tensor* weight = ggml_new_tensor_3d(context_.get(), type, columns, rows, o.n_experts);
        parameters.push_back(weight);
        ggml_tensor* out = ggml_mul_mat_id(context_.get(), weight, in, ids);
        if (!o.has_biases) {
            return out;
        }
        ggml_tensor* bias = ggml_new_tensor_2d(context_.get(), GGML_TYPE_F32, rows, o.n_experts);
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

TEST(ExpertChain, IsLeftToGgmlWhereItIsAnotherOne) {
    EXPECT_FALSE(ExpertLayer({.n_tokens = 2}).chain());
    EXPECT_FALSE(ExpertLayer({.up_type = GGML_TYPE_F16}).chain());
    EXPECT_FALSE(ExpertLayer({.glu = GGML_GLU_OP_REGLU}).chain());
    EXPECT_FALSE(ExpertLayer({.shows_rows = true}).chain());
    EXPECT_FALSE(ExpertLayer({.n_used = 1}).chain());  // without a sum
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

    static void fill(ggml_tensor& tensor, std::mt19937& random) {
        std::uniform_real_distribution<float> value(-1.0F, 1.0F);
        std::vector<float> row(static_cast<std::size_t>(tensor.ne[0]));
        std::vector<std::byte> data(ggml_nbytes(&tensor));
        for (std::int64_t r = 0; r < ggml_nrows(&tensor); ++r) {
            for (float& each : row) {
                each = value(random) / (tensor.type == GGML_TYPE_F32
                                            ? 1.0F
                                            : std::sqrt(static_cast<float>(tensor.ne[0])) / 2);
            }
            std::byte* const to = data.data() + static_cast<std::size_t>(r) * tensor.nb[1];
            if (tensor.type == GGML_TYPE_F32) {
                std::memcpy(to, row.data(), row.size() * sizeof(float));
            } else {
                ggml_quantize_chunk(tensor.type, row.data(), to, 0, 1, tensor.ne[0], nullptr);
            }
        }
        ggml_backend_tensor_set(&tensor, data.data(), 0, data.size());
    }

    static std::vector<float> values(const ggml_tensor& tensor) {
        std::vector<float> result(static_cast<std::size_t>(ggml_nelements(&tensor)));
        ggml_backend_tensor_get(&tensor, result.data(), 0, ggml_nbytes(&tensor));
        return result;
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
    const ggml_backend_buffer_ptr buffer(
        ggml_backend_alloc_ctx_tensors_from_buft(layer.context(), device.buffer_type()));
    ASSERT_NE(buffer, nullptr);
    std::mt19937 random(7);
    for (ggml_tensor* parameter : layer.parameters) {
        fill(*parameter, random);
    }
    fill(*layer.x, random);
    fill(*layer.weights, random);
    std::vector<std::int32_t> ids;
    for (std::int64_t i = 0; i < layer.ids->ne[0]; ++i) {
        ids.push_back(static_cast<std::int32_t>(options.n_experts - 1 - i));
    }
    ggml_backend_tensor_set(layer.ids, ids.data(), 0, ids.size() * sizeof(ids[0]));

    InnerGraph inner(device);
    for (int i = 0; i < layer.graph().n_nodes; ++i) {
        inner.add_node(*layer.graph().nodes[i], ggml_node_get_use_count(&layer.graph(), i));
    }
    const auto backend = device.inner_backend();
    ASSERT_EQ(backend->compute(inner.finish(), {}), GGML_STATUS_SUCCESS);
    backend->synchronize();
    const std::vector<float> expected = values(*layer.result);
    ASSERT_TRUE(std::isfinite(expected[0]));

    const auto kernels = ExpertKernels::create(device);
    ASSERT_NE(kernels, nullptr);
    kernels->reserve(layer.graph());
    const auto token = TokenGraph::create(inner.finish(), *kernels);
    ASSERT_NE(token, nullptr);
    for (const char* what : {"tried", "recorded", "replayed", "replayed again"}) {
        const std::vector<float> nothing(expected.size());
        ggml_backend_tensor_set(layer.result, nothing.data(), 0, ggml_nbytes(layer.result));
        ASSERT_EQ(backend->compute(*token, {}), GGML_STATUS_SUCCESS) << what;
        backend->synchronize();
        EXPECT_EQ(token->n_ours(), 1U) << what;
        EXPECT_EQ(std::memcmp(values(*layer.result).data(), expected.data(),
                              expected.size() * sizeof(float)),
                  0)
            << what;
    }
}

TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsForEveryPairOfTypes) {
    constexpr std::pair<ggml_type, ggml_type> pairs[] = {
        {GGML_TYPE_Q4_0, GGML_TYPE_Q4_0},     {GGML_TYPE_Q8_0, GGML_TYPE_Q8_0},
        {GGML_TYPE_Q4_K, GGML_TYPE_Q4_K},     {GGML_TYPE_Q4_K, GGML_TYPE_Q6_K},
        {GGML_TYPE_Q4_K, GGML_TYPE_Q5_K},     {GGML_TYPE_Q5_K, GGML_TYPE_Q5_K},
        {GGML_TYPE_Q5_K, GGML_TYPE_Q6_K},     {GGML_TYPE_Q6_K, GGML_TYPE_Q6_K},
        {GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_NL}, {GGML_TYPE_IQ4_XS, GGML_TYPE_IQ4_XS},
        {GGML_TYPE_IQ4_XS, GGML_TYPE_Q5_K},   {GGML_TYPE_MXFP4, GGML_TYPE_MXFP4},
    };
    for (const auto& [up, down] : pairs) {
        compare({.up_type = up, .down_type = down});
    }
}

TEST_F(ExpertKernelsOnGpu, HaveTheBitsOfGgmlsInEveryForm) {
    compare({.n_embd = 1024, .n_ff = 4096, .n_experts = 4, .n_used = 2});
    compare({.n_ff = 768, .n_experts = 64, .n_used = 16});
    compare({.glu = GGML_GLU_OP_GEGLU, .is_merged = true});
    compare({.up_type = GGML_TYPE_MXFP4,
             .down_type = GGML_TYPE_MXFP4,
             .n_embd = 2880,
             .n_ff = 2880,
             .glu = GGML_GLU_OP_SWIGLU_OAI,
             .has_biases = true});
}

}  // namespace
}  // namespace hexcore
