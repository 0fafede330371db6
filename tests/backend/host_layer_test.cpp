// The CPU as one of a GPU's team, with a stand-in for the GPU.
#include "hexcore/backend/kernels/host_layer.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "ggml-cpu.h"
#include "support/fake_kernels.hpp"

namespace hexcore {
namespace {

using test::FakeKernels;
using test::LayerBesideMainMemory;
using test::LayerOptions;

constexpr std::int32_t here = HEXCORE_CUDA_HERE;
constexpr std::int32_t by_host = HEXCORE_CUDA_HOST;

class HostLayers : public ::testing::Test {
protected:
    /// What the GPU asks for next: the layer's own activations, and that choice.
    void ask(const LayerOptions& options, std::vector<std::int32_t> experts,
             std::vector<std::int32_t> ways) {
        std::mt19937 random(3);
        std::uniform_real_distribution<float> value(-1, 1);
        kernels_.x.resize(static_cast<std::size_t>(options.n_embd));
        std::generate(kernels_.x.begin(), kernels_.x.end(), [&] { return value(random); });
        kernels_.experts = std::move(experts);
        kernels_.ways = std::move(ways);
        kernels_.told.clear();
    }

    ggml_status answer(const LayerBesideMainMemory& beside, const ComputeOptions& options = {}) {
        return beside.work.host->answer(kernels_.library(), nullptr, beside.work.experts, options,
                                        was_heard_);
    }

    /// The same choice by plain ggml with weights in one place: rows of down, without its bias.
    std::vector<float> plain_rows(const LayerOptions& options) const {
        const test::ExpertLayer layer(options);
        const ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors_from_buft(
            layer.context(), ggml_backend_cpu_buffer_type()));
        std::mt19937 random(7);
        for (ggml_tensor* parameter : layer.parameters) {
            test::fill_randomly(*parameter, random);
        }
        test::fill_randomly(*layer.weights, random);
        ggml_backend_tensor_set(layer.x, kernels_.x.data(), 0, ggml_nbytes(layer.x));
        ggml_backend_tensor_set(layer.ids, kernels_.experts.data(), 0, ggml_nbytes(layer.ids));
        const ggml_backend_ptr cpu(ggml_backend_cpu_init());
        EXPECT_EQ(ggml_backend_graph_compute(cpu.get(), &layer.graph()), GGML_STATUS_SUCCESS);
        const auto chain = layer.chain();
        const ggml_tensor* const rows = chain->rows;
        return test::values_of(options.has_biases ? *rows->src[0] : *rows);
    }

    void expect_rows_of_plain_ggml(const LayerOptions& options) {
        const std::vector<float> expected = plain_rows(options);
        const auto n_embd = static_cast<std::size_t>(options.n_embd);
        for (std::size_t choice = 0; choice < kernels_.ways.size(); ++choice) {
            const auto told = kernels_.told.find(static_cast<int>(choice));
            if (kernels_.ways[choice] != by_host) {
                EXPECT_EQ(told, kernels_.told.end()) << choice;
                continue;
            }
            ASSERT_NE(told, kernels_.told.end()) << choice;
            EXPECT_EQ(std::memcmp(told->second.data(), expected.data() + choice * n_embd,
                                  n_embd * sizeof(float)),
                      0)
                << choice;
        }
    }

    FakeKernels kernels_;
    bool was_heard_ = false;
};

TEST_F(HostLayers, ComputeWhatTheyAreAskedForWithPlainBits) {
    for (const LayerOptions& options : {LayerOptions{}, LayerOptions{.is_merged = true},
                                        LayerOptions{.up_type = GGML_TYPE_MXFP4,
                                        .down_type = GGML_TYPE_MXFP4,
                                        .glu = GGML_GLU_OP_SWIGLU_OAI,
                                        .has_biases = true}}) {
        SCOPED_TRACE(ggml_glu_op_name(options.glu));
        const LayerBesideMainMemory beside(options);
        // As many rows as before, more, fewer, and others.
        for (const std::vector<std::int32_t>& ways :
             {std::vector<std::int32_t>{here, by_host, here, by_host},
              {by_host, by_host, by_host, by_host},
              {here, here, by_host, here},
              {by_host, here, here, by_host}}) {
            ask(options, {6, 1, 3, 2}, ways);
            EXPECT_EQ(answer(beside), GGML_STATUS_SUCCESS);
            EXPECT_TRUE(was_heard_);
            expect_rows_of_plain_ggml(options);
        }
    }
}

TEST_F(HostLayers, CountTheRowsOfWhoeverComputesThem) {
    const LayerOptions options;
    const LayerBesideMainMemory beside(options);
    ask(options, {6, 1, 3, 2}, {by_host, HEXCORE_CUDA_LENT, HEXCORE_CUDA_CACHED, here});
    ASSERT_EQ(answer(beside), GGML_STATUS_SUCCESS);
    EXPECT_EQ(beside.machine->device(DeviceId(1)).rows_computed(), 3U);
    EXPECT_EQ(beside.home().rows_computed(), 6U);
}

TEST_F(HostLayers, TellNothingWhereNothingIsAsked) {
    const LayerOptions options;
    const LayerBesideMainMemory beside(options);
    ask(options, {6, 1, 3, 2}, {here, here, HEXCORE_CUDA_CACHED, here});
    EXPECT_EQ(answer(beside), GGML_STATUS_SUCCESS);
    EXPECT_TRUE(kernels_.told.empty());
}

TEST_F(HostLayers, SayWhenTheGpuIsLost) {
    const LayerOptions options;
    const LayerBesideMainMemory beside(options);
    ask(options, {6, 1, 3, 2}, {by_host, by_host, here, here});
    kernels_.hear_error = 700;
    EXPECT_EQ(answer(beside), GGML_STATUS_FAILED);
    EXPECT_FALSE(was_heard_);
    EXPECT_TRUE(kernels_.told.empty());
}

TEST_F(HostLayers, AnswerAlsoWhenTheyAreStopped) {
    const LayerOptions options;
    const LayerBesideMainMemory beside(options);
    ask(options, {6, 1, 3, 2}, {by_host, here, by_host, here});
    const ComputeOptions stopped{.abort = [](void*) { return true; }};
    EXPECT_EQ(answer(beside, stopped), GGML_STATUS_ABORTED);
    EXPECT_TRUE(was_heard_);
    const std::vector<float> zeros(static_cast<std::size_t>(options.n_embd));
    EXPECT_EQ(kernels_.told, (std::map<int, std::vector<float>>{{0, zeros}, {2, zeros}}));
    // And the next token is as if nothing had been.
    ask(options, {6, 1, 3, 2}, {by_host, here, by_host, here});
    EXPECT_EQ(answer(beside), GGML_STATUS_SUCCESS);
    expect_rows_of_plain_ggml(options);
}

}  // namespace
}  // namespace hexcore
