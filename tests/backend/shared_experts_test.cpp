// Experts of one token spread over two GPUs, or over two devices of one card.

#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "support/spread_experts.hpp"

namespace hexcore {
namespace {

using test::ExpertLayer;
using test::LayerOptions;

class SharedExperts : public test::SpreadExperts {
protected:
    SharedExperts() : SpreadExperts(DeviceKind::cuda) {}

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
        EXPECT_EQ(at_home.rows[0], 6 * a_time);
        EXPECT_EQ(at_home.rows[1], 0U);
        EXPECT_EQ(shared.first_rows, a_time);
        EXPECT_EQ(shared.rows[0] + shared.rows[1], 6 * a_time);
    }
};

TEST_F(SharedExperts, HaveTheBitsOfExpertsAtHome) {
    compare({}, alternating(8));
    compare({.down_type = GGML_TYPE_Q6_K, .n_ff = 768, .n_experts = 64, .n_used = 16},
            alternating(64));
    compare({.n_embd = 1024, .n_ff = 512, .glu = GGML_GLU_OP_GEGLU, .is_merged = true},
            alternating(8));
}

TEST_F(SharedExperts, HaveThemWithBiases) { compare(test::layer_with_biases, alternating(8)); }

TEST_F(SharedExperts, MayAllBeOnTheOtherOne) {
    compare({}, std::vector<DeviceId>(8, DeviceId(1)));
    compare({.n_used = 2}, all_but_one());
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
