// Experts of one token spread over two GPUs, or over two devices of one card.

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "hexcore/backend/execution/execution_strategy.hpp"
#include "hexcore/backend/kernels/kernel_library.hpp"
#include "hexcore/backend/machine.hpp"
#include "support/device_pairs.hpp"
#include "support/expert_layer.hpp"

namespace hexcore {
namespace {

using test::ExpertLayer;
using test::LayerOptions;

class SharedExperts : public ::testing::Test {
protected:
    void SetUp() override {
        const auto specs = pair_.specs(2_GiB);
        if (!specs) {
            GTEST_SKIP() << specs.error().message;
        }
        if (KernelLibrary::find() == nullptr) {
            GTEST_SKIP() << "libhexcore-cuda.so was not built";
        }
        specs_ = *specs;
    }

    struct Outcome {
        std::vector<std::vector<float>> results;  ///< of each time that it was computed
        std::vector<std::uint64_t> rows;          ///< [device], of all times
        std::uint64_t first_rows = 0;             ///< of all devices, counted before the end
    };

    /// A machine with each layer at home on cuda:0 and its experts where `device_of` says.
    std::unique_ptr<Machine> machine_with(const std::vector<DeviceId>& device_of,
                                          std::size_t n_layers = 1) const {
        auto machine = Machine::create(specs_).value();
        Placement placement;
        placement.layer_device.assign(n_layers, DeviceId(0));
        placement.expert_device.assign(n_layers, device_of);
        EXPECT_TRUE(machine->place_experts(placement).has_value());
        return machine;
    }

    static ggml_backend_buffer_ptr fill(const ExpertLayer& layer, Machine& machine) {
        ggml_backend_buffer_ptr buffer(ggml_backend_alloc_ctx_tensors_from_buft(
            layer.context(), machine.device(DeviceId(0)).buffer_type()));
        EXPECT_NE(buffer, nullptr);
        std::mt19937 random(7);
        for (ggml_tensor* parameter : layer.parameters) {
            test::fill_randomly(*parameter, random);
        }
        test::fill_randomly(*layer.x, random);
        test::fill_randomly(*layer.weights, random);
        return buffer;
    }

    static void choose(const ExpertLayer& layer, const LayerOptions& options, std::int32_t time) {
        std::vector<std::int32_t> ids;
        for (std::int32_t i = 0; i < ggml_nelements(layer.ids); ++i) {
            ids.push_back(static_cast<std::int32_t>((i * 3 + time) % options.n_experts));
        }
        ggml_backend_tensor_set(layer.ids, ids.data(), 0, ids.size() * sizeof(ids[0]));
    }

    /// The layer computed some times.
    Outcome compute(const LayerOptions& options, const std::vector<DeviceId>& device_of) const {
        const auto machine = machine_with(device_of);
        const ExpertLayer layer(options);
        const auto buffer = fill(layer, *machine);
        layer.graph().uid = 7;
        Outcome outcome;
        const auto count_rows = [&] {
            outcome.rows.clear();
            for (std::size_t d = 0; d < machine->size(); ++d) {
                outcome.rows.push_back(machine->device(DeviceId(d)).rows_computed());
            }
        };
        {
            const auto execution = strategy_for(*machine).make(machine->device(DeviceId(0)));
            execution->reserve(layer.graph());
            // Tried, launched, recorded, replayed; with another choice of experts each time.
            for (std::int32_t time = 0; time < 6; ++time) {
                choose(layer, options, time);
                EXPECT_EQ(execution->compute(layer.graph()), GGML_STATUS_SUCCESS) << time;
                execution->synchronize();
                outcome.results.push_back(test::values_of(*layer.result));
            }
            count_rows();
            for (const std::uint64_t rows : outcome.rows) {
                outcome.first_rows += rows;
            }
        }
        count_rows();
        return outcome;
    }

    /// Whether the experts give the same bits there as all at home.
    void compare(const LayerOptions& options, const std::vector<DeviceId>& device_of) const {
        const Outcome at_home =
            compute(options, std::vector<DeviceId>(device_of.size(), DeviceId(0)));
        const Outcome shared = compute(options, device_of);
        for (std::size_t time = 0; time < at_home.results.size(); ++time) {
            EXPECT_EQ(std::memcmp(at_home.results[time].data(), shared.results[time].data(),
                                  shared.results[time].size() * sizeof(float)),
                      0)
                << time;
        }
        // The first time is ggml's, and ours to compare.
        const std::uint64_t a_time =
            static_cast<std::uint64_t>(options.n_used) * (options.is_merged ? 2 : 3);
        EXPECT_EQ(shared.first_rows, a_time);
        EXPECT_EQ(shared.rows[0] + shared.rows[1], 6 * a_time);
    }

    static std::vector<DeviceId> alternating(std::int64_t n) {
        std::vector<DeviceId> devices;
        for (std::int64_t e = 0; e < n; ++e) {
            devices.emplace_back(static_cast<std::size_t>(e % 2));
        }
        return devices;
    }

    test::DevicePair pair_{DeviceKind::cuda, DeviceKind::cuda};
    std::vector<DeviceSpec> specs_;
};

TEST_F(SharedExperts, HaveTheBitsOfExpertsAtHome) {
    compare({}, alternating(8));
    compare({.down_type = GGML_TYPE_Q6_K, .n_ff = 768, .n_experts = 64, .n_used = 16},
            alternating(64));
    compare({.n_embd = 1024, .n_ff = 512, .glu = GGML_GLU_OP_GEGLU, .is_merged = true},
            alternating(8));
}

TEST_F(SharedExperts, HaveThemWithBiases) {
    compare({.up_type = GGML_TYPE_MXFP4,
             .down_type = GGML_TYPE_MXFP4,
             .n_embd = 2880,
             .n_ff = 2880,
             .glu = GGML_GLU_OP_SWIGLU_OAI,
             .has_biases = true},
            alternating(8));
}

TEST_F(SharedExperts, MayAllBeOnTheOtherOne) {
    compare({}, std::vector<DeviceId>(8, DeviceId(1)));
    std::vector<DeviceId> all_but_one(8, DeviceId(1));
    all_but_one[3] = DeviceId(0);
    compare({.n_used = 2}, all_but_one);
}

TEST_F(SharedExperts, WaitForWhatABatchLeftUnderWay) {
    const LayerOptions batch{.n_tokens = 16};
    const LayerOptions token{.layer = 1};
    const auto machine = machine_with(alternating(8), 2);
    const ExpertLayer first(batch);
    const ExpertLayer second(token);
    const auto first_buffer = fill(first, *machine);
    const auto second_buffer = fill(second, *machine);
    first.graph().uid = 7;
    second.graph().uid = 8;
    choose(first, batch, 0);
    choose(second, token, 0);
    const auto execution = strategy_for(*machine).make(machine->device(DeviceId(0)));
    execution->reserve(first.graph());
    execution->reserve(second.graph());
    std::vector<float> expected;
    for (int time = 0; time < 20; ++time) {
        ASSERT_EQ(execution->compute(first.graph()), GGML_STATUS_SUCCESS) << time;
        ASSERT_EQ(execution->compute(second.graph()), GGML_STATUS_SUCCESS) << time;
        execution->synchronize();
        const std::vector<float> values = test::values_of(*second.result);
        expected = expected.empty() ? values : expected;
        EXPECT_EQ(std::memcmp(values.data(), expected.data(), values.size() * sizeof(float)), 0)
            << time;
    }
}

}  // namespace
}  // namespace hexcore
