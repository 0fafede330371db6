// Layers of experts over every pair of kinds of devices, with the bits of plain ggml where the
// devices compute with its CPU kernels.

#include "hexcore/backend/execution/staged_execution.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "ggml-alloc.h"
#include "ggml-cpp.h"
#include "ggml-cpu.h"
#include "hexcore/backend/machine.hpp"
#include "support/device_pairs.hpp"

namespace hexcore::test {
namespace {

struct StagedLayerOptions {
    std::int64_t n_used = 2;
    std::int64_t n_tokens = 1;
    bool has_biases = false;
    bool is_merged = false;  ///< gate and up in one tensor
    bool has_strided_input = false;
    /// The experts that tokens choose from.
    std::vector<std::int32_t> chosen = {0, 1, 2, 3, 4, 5, 6, 7};
    ggml_type type = GGML_TYPE_F32;
};

constexpr std::int64_t n_experts = 8;
/// Where they are, on two devices.
const std::vector<DeviceId> both = {DeviceId(0), DeviceId(1), DeviceId(1), DeviceId(0),
                                    DeviceId(1), DeviceId(0), DeviceId(1), DeviceId(1)};
const std::vector<std::int32_t> on_first = {0, 3, 5};
const std::vector<std::int32_t> on_second = {1, 2, 4, 6, 7};

/// A layer's experts as llama.cpp builds them, with something for the home before and behind.
class StagedLayer {
public:
    StagedLayer(const StagedLayerOptions& options, std::size_t index)
        : options_(options),
          n_embd_(options.type == GGML_TYPE_F32 ? 64 : 256),
          n_ff_(options.type == GGML_TYPE_F32 ? 96 : 256),
          prefix_("blk." + std::to_string(index) + "."),
          model_(new_context()),
          context_(new_context()) {
        ggml_context* c = context_.get();
        ggml_new_tensor_1d(model_.get(), GGML_TYPE_F32,
                           n_embd_);  // experts take no room in the buffer
        const std::int64_t width = options.has_strided_input ? n_embd_ + 32 : n_embd_;
        in_ = ggml_new_tensor_3d(c, GGML_TYPE_F32, width, 1, options.n_tokens);
        ids_ = ggml_new_tensor_2d(c, GGML_TYPE_I32, options.n_used, options.n_tokens);
        weights_ = ggml_new_tensor_3d(c, GGML_TYPE_F32, 1, options.n_used, options.n_tokens);
        ggml_tensor* x = ggml_scale(c, in_, 0.5F);
        if (options.has_strided_input) {
            x = ggml_view_3d(c, x, n_embd_, 1, options.n_tokens, x->nb[1], x->nb[2], 0);
        }
        ggml_tensor* h = nullptr;
        if (options.is_merged) {
            h = ggml_swiglu(c, product("ffn_gate_up_exps", n_embd_, 2 * n_ff_, x));
        } else {
            ggml_tensor* up = product("ffn_up_exps", n_embd_, n_ff_, x);
            h = ggml_swiglu_split(c, product("ffn_gate_exps", n_embd_, n_ff_, x), up);
        }
        result_ = ggml_mul(c, product("ffn_down_exps", n_ff_, n_embd_, h), weights_);
        graph_ = ggml_new_graph(c);
        ggml_build_forward_expand(graph_, result_);
    }

    void allocate(ggml_backend_buffer_type_t type) {
        for (const auto& context : {std::cref(model_), std::cref(context_)}) {
            buffers_.emplace_back(
                ggml_backend_alloc_ctx_tensors_from_buft(context.get().get(), type));
            ASSERT_NE(buffers_.back(), nullptr);
        }
        std::mt19937 random(11);
        for (ggml_tensor* parameter : parameters_) {
            fill(*parameter, random);
        }
        fill(*in_, random);
        fill(*weights_, random);
        std::vector<std::int32_t> ids;
        for (std::int64_t token = 0; token < options_.n_tokens; ++token) {
            std::vector<std::int32_t> experts = options_.chosen;
            std::shuffle(experts.begin(), experts.end(), random);
            ids.insert(ids.end(), experts.begin(), experts.begin() + options_.n_used);
        }
        ggml_backend_tensor_set(ids_, ids.data(), 0, ids.size() * sizeof(ids[0]));
    }

    [[nodiscard]] ggml_cgraph& graph() const { return *graph_; }
    [[nodiscard]] std::vector<float> values() const {
        std::vector<float> values(static_cast<std::size_t>(ggml_nelements(result_)));
        ggml_backend_tensor_get(result_, values.data(), 0, ggml_nbytes(result_));
        return values;
    }

private:
    static ggml_context_ptr new_context() {
        return ggml_context_ptr(ggml_init(
            {.mem_size = std::size_t{1} << 20U, .mem_buffer = nullptr, .no_alloc = true}));
    }

    ggml_tensor* product(const std::string& name, std::int64_t columns, std::int64_t rows,
                         ggml_tensor* in) {
        ggml_context* c = context_.get();
        ggml_tensor* weight =
            ggml_new_tensor_3d(model_.get(), options_.type, columns, rows, n_experts);
        ggml_set_name(weight, (prefix_ + name + ".weight").c_str());
        parameters_.push_back(weight);
        ggml_tensor* out = ggml_mul_mat_id(c, weight, in, ids_);
        if (!options_.has_biases) {
            return out;
        }
        ggml_tensor* bias = ggml_new_tensor_2d(model_.get(), GGML_TYPE_F32, rows, n_experts);
        ggml_set_name(bias, (prefix_ + name + ".bias").c_str());
        parameters_.push_back(bias);
        return ggml_add_id(c, out, bias, ids_);
    }

    static void fill(ggml_tensor& tensor, std::mt19937& random) {
        std::uniform_real_distribution<float> value(-0.2F, 0.2F);
        std::vector<float> values(static_cast<std::size_t>(ggml_nelements(&tensor)));
        std::generate(values.begin(), values.end(), [&] { return value(random); });
        std::vector<std::byte> data(ggml_nbytes(&tensor));
        ggml_quantize_chunk(tensor.type, values.data(), data.data(), 0, ggml_nrows(&tensor),
                            tensor.ne[0], nullptr);
        ggml_backend_tensor_set(&tensor, data.data(), 0, data.size());
    }

    const StagedLayerOptions options_;
    const std::int64_t n_embd_;
    const std::int64_t n_ff_;
    const std::string prefix_;
    ggml_context_ptr model_;
    ggml_context_ptr context_;
    std::vector<ggml_backend_buffer_ptr> buffers_;
    ggml_tensor* in_ = nullptr;
    ggml_tensor* ids_ = nullptr;
    ggml_tensor* weights_ = nullptr;
    ggml_tensor* result_ = nullptr;
    std::vector<ggml_tensor*> parameters_;
    ggml_cgraph* graph_ = nullptr;
};

std::vector<float> plain_values(const StagedLayerOptions& options) {
    StagedLayer layer(options, 0);
    layer.allocate(ggml_backend_cpu_buffer_type());
    const ggml_backend_ptr cpu(ggml_backend_cpu_init());
    ggml_backend_cpu_set_n_threads(cpu.get(), 1);
    EXPECT_EQ(ggml_backend_graph_compute(cpu.get(), &layer.graph()), GGML_STATUS_SUCCESS);
    return layer.values();
}

class StagedPairs : public ::testing::TestWithParam<std::pair<DeviceKind, DeviceKind>> {
protected:
    /// Layer 0 is at home on the first device, layer 1 on the second, and so on.
    void start(const std::vector<DeviceId>& experts, std::size_t n_layers = 1) {
        if (!pair_) {
            pair_.emplace(GetParam().first, GetParam().second);
        }
        const auto specs = pair_->specs(64_MiB);
        if (!specs) {
            GTEST_SKIP() << specs.error().message;
        }
        machine_.reset();
        auto machine = Machine::create(*specs);
        ASSERT_TRUE(machine.has_value()) << machine.error().message;
        machine_ = std::move(*machine);
        Placement placement;
        for (std::size_t i = 0; i < n_layers; ++i) {
            placement.layer_device.emplace_back(i % 2);
            placement.expert_device.push_back(experts);
        }
        ASSERT_TRUE(machine_->place_experts(placement).has_value());
    }

    Device& device(std::size_t index) { return machine_->device(DeviceId(index)); }
    std::vector<Bytes> held() {
        return {device(0).memory().budget().used(), device(1).memory().budget().used()};
    }

    void expect_equal(const std::vector<float>& values, const std::vector<float>& expected,
                      float tolerance = 2e-2F) {
        ASSERT_EQ(values.size(), expected.size());
        if (!pair_->has(DeviceKind::cuda)) {
            EXPECT_EQ(std::memcmp(values.data(), expected.data(), values.size() * sizeof(float)),
                      0);
            return;
        }
        float largest = 0;
        float difference = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            largest = std::max(largest, std::abs(expected[i]));
            difference = std::max(difference, std::abs(values[i] - expected[i]));
        }
        EXPECT_LE(difference, largest * tolerance);
    }

    /// Twice, since what was built for a graph is used again.
    void compare(const StagedLayerOptions& options) {
        SCOPED_TRACE(fmt::format("{} tokens, {} used of {}, biases {}, merged {}, strided {}",
                                 options.n_tokens, options.n_used, options.chosen.size(),
                                 options.has_biases, options.is_merged, options.has_strided_input));
        StagedLayer layer(options, 0);
        layer.allocate(device(0).buffer_type());
        layer.graph().uid = ggml_graph_next_uid();
        StagedExecution execution(device(0), borrowing_);
        execution.set_threads(1);
        execution.reserve(layer.graph());
        const std::vector<Bytes> reserved = held();
        const std::vector<float> expected = plain_values(options);
        for (int i = 0; i < 2; ++i) {
            ASSERT_EQ(execution.compute(layer.graph()), GGML_STATUS_SUCCESS);
            execution.synchronize();
            // Products with quantised weights round activations to 8 bits.
            expect_equal(layer.values(), expected, ggml_is_quantized(options.type) ? 1e-1F : 2e-2F);
        }
        EXPECT_EQ(held(), reserved);
    }

    /// In all shapes that differ in how they are computed.
    void compare_all() {
        for (const std::int64_t n_tokens : {1, 5, 40}) {
            for (const std::int64_t n_used : {1, 3, 8}) {
                compare({.n_used = n_used, .n_tokens = n_tokens});
            }
            compare({.n_used = 3, .n_tokens = n_tokens, .has_biases = true});
            compare({.n_tokens = n_tokens, .is_merged = true});
            compare({.n_tokens = n_tokens, .has_strided_input = true});
            compare({.n_tokens = n_tokens, .has_biases = true, .chosen = on_first});
            compare({.n_tokens = n_tokens, .has_biases = true, .chosen = on_second});
            compare({.n_tokens = n_tokens, .type = GGML_TYPE_Q4_K});
        }
    }

    std::optional<DevicePair> pair_;
    std::unique_ptr<Machine> machine_;
    Borrowing borrowing_ = Borrowing::where_it_pays;
};

TEST_P(StagedPairs, GiveTheBitsOfPlainGgml) {
    start(both);
    if (!IsSkipped() && !HasFatalFailure()) {
        compare_all();
        EXPECT_GT(device(0).rows_computed(), 0U);
        EXPECT_GT(device(1).rows_computed(), 0U);
    }
}

TEST_P(StagedPairs, GiveThemWithoutAnExpertAtHome) {
    start(std::vector<DeviceId>(n_experts, DeviceId(1)));
    if (!IsSkipped() && !HasFatalFailure()) {
        compare_all();
        EXPECT_EQ(device(0).rows_computed(), 0U);
    }
}

TEST_P(StagedPairs, GiveThemWithExpertsOfMainMemoryThatAreCopiedHome) {
    borrowing_ = Borrowing::always;
    start(both);
    if (!IsSkipped() && !HasFatalFailure()) {
        compare_all();
    }
}

// The scratch memory of a device is shared by all who compute on it.
TEST_P(StagedPairs, AreUsedByContextsOfBothHomesInTwoThreads) {
    start(both, 2);
    if (IsSkipped() || HasFatalFailure()) {
        return;
    }
    const auto options_of = [](std::size_t home) {
        return StagedLayerOptions{
            .n_used = 3, .n_tokens = home == 0 ? 24 : 17, .has_biases = home == 1};
    };
    const auto compute = [&](std::size_t home, std::vector<float>& values, int& n_right) {
        StagedLayer layer(options_of(home), home);
        layer.allocate(device(home).buffer_type());
        layer.graph().uid = ggml_graph_next_uid();
        StagedExecution execution(device(home));
        execution.set_threads(1);
        execution.reserve(layer.graph());
        for (int i = 0; i < 40; ++i) {
            const bool is_done = execution.compute(layer.graph()) == GGML_STATUS_SUCCESS;
            execution.synchronize();
            const std::vector<float> now = layer.values();
            n_right += is_done && (values.empty() || now == values) ? 1 : 0;
            values = now;
        }
    };
    std::vector<float> values[2];
    int n_right[2] = {0, 0};
    std::thread other([&] { compute(1, values[1], n_right[1]); });
    compute(0, values[0], n_right[0]);
    other.join();
    for (std::size_t home = 0; home < 2; ++home) {
        SCOPED_TRACE(home);
        EXPECT_EQ(n_right[home], 40);
        expect_equal(values[home], plain_values(options_of(home)));
    }
}

std::string name_of_pair(const ::testing::TestParamInfo<StagedPairs::ParamType>& pair) {
    return name_of(pair.param.first) + "_" + name_of(pair.param.second);
}

constexpr auto host_kind = DeviceKind::host;
constexpr auto rpc_kind = DeviceKind::rpc;
constexpr auto cuda_kind = DeviceKind::cuda;
INSTANTIATE_TEST_SUITE_P(
    On, StagedPairs,
    ::testing::Values(std::pair(host_kind, host_kind), std::pair(host_kind, rpc_kind),
                      std::pair(rpc_kind, host_kind), std::pair(rpc_kind, rpc_kind),
                      std::pair(cuda_kind, cuda_kind), std::pair(cuda_kind, host_kind),
                      std::pair(host_kind, cuda_kind), std::pair(cuda_kind, rpc_kind),
                      std::pair(rpc_kind, cuda_kind)),
    name_of_pair);

}  // namespace
}  // namespace hexcore::test
