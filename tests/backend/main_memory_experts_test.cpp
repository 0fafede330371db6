// Experts of one token of which some lie in main memory beside the GPU at home.

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>
#include <vector>

#include "hexcore/backend/execution/staged_execution.hpp"
#include "hexcore/backend/experts/expert_cache_memory.hpp"
#include "support/spread_experts.hpp"

namespace hexcore {
namespace {

using test::LayerOptions;

class BesideMainMemory : public test::SpreadExperts {
protected:
    /// Of two experts in main memory one is lent to the GPU.
    static constexpr MainMemoryTimes times{.cpu_s = 2e-3, .bus_s = 3e-3};

    BesideMainMemory(DeviceKind second, DeviceId host) : SpreadExperts(second), host_(host) {}

    [[nodiscard]] std::unique_ptr<ExpertExecution> make_execution(Machine& machine) const override {
        return std::make_unique<StagedExecution>(machine.device(DeviceId(0)),
                                                 Borrowing::where_it_pays, times);
    }

    /// The placement that computes the token's experts where they are computed at that time: those
    /// that are lent are at home.
    std::vector<DeviceId> as_computed(const std::vector<DeviceId>& device_of,
                                      const std::vector<std::int32_t>& choice) const {
        std::vector<std::size_t> missing;
        for (const std::int32_t expert : choice) {
            if (device_of[static_cast<std::size_t>(expert)] == host_) {
                missing.push_back(static_cast<std::size_t>(expert));
            }
        }
        std::vector<DeviceId> result = device_of;
        for (std::size_t i = missing.size() - times.n_lent(missing.size()); i < missing.size();
             ++i) {
            result[missing[i]] = DeviceId(0);
        }
        return result;
    }

    /// Whether each token has the bits that its experts have on the CPU and on the GPU, where
    /// ggml's kernels compute them there.
    void compare(const LayerOptions& options, const std::vector<DeviceId>& device_of) const {
        const Outcome beside = compute(options, device_of);
        const std::uint64_t a_time =
            static_cast<std::uint64_t>(options.n_used) * (options.is_merged ? 2 : 3);
        EXPECT_EQ(std::accumulate(beside.rows.begin(), beside.rows.end(), std::uint64_t{0}),
                  beside.results.size() * a_time);
        for (std::size_t i = 0; i < beside.results.size(); ++i) {
            const auto time = static_cast<std::int32_t>(i);
            // The first time nothing is lent: it is compared with ggml's way.
            const std::vector<DeviceId> there =
                i == 0 ? device_of : as_computed(device_of, choice_at(time, options));
            const Outcome expected = compute(options, there, time, 1);
            EXPECT_EQ(std::memcmp(expected.results[0].data(), beside.results[i].data(),
                                  beside.results[i].size() * sizeof(float)),
                      0)
                << i;
        }
    }

    DeviceId host_;
};

class MainMemoryExperts : public BesideMainMemory {
protected:
    MainMemoryExperts() : BesideMainMemory(DeviceKind::host, DeviceId(1)) {}
};

/// Two GPUs, which may be one card, and main memory.
class MainMemoryAndTwoGpus : public BesideMainMemory {
protected:
    MainMemoryAndTwoGpus() : BesideMainMemory(DeviceKind::cuda, DeviceId(2)) {}

    void SetUp() override {
        SpreadExperts::SetUp();
        specs_.push_back({.kind = DeviceKind::host, .name = "host0", .budget = 2_GiB});
    }

    static std::vector<DeviceId> in_turn(std::int64_t n) {
        std::vector<DeviceId> devices;
        for (std::int64_t e = 0; e < n; ++e) {
            devices.emplace_back(static_cast<std::size_t>(e % 3));
        }
        return devices;
    }
};

TEST_F(MainMemoryExperts, HaveTheBitsThatTheyHaveOnTheirDevices) {
    compare({}, alternating(8));
    compare({.down_type = GGML_TYPE_Q6_K, .n_experts = 32, .n_used = 16}, alternating(32));
    compare({.n_embd = 1024, .n_ff = 512, .glu = GGML_GLU_OP_GEGLU, .is_merged = true},
            alternating(8));
}

TEST_F(MainMemoryExperts, HaveThemWithBiases) { compare(test::layer_with_biases, alternating(8)); }

TEST_F(MainMemoryExperts, MayAllBeThere) {
    compare({}, std::vector<DeviceId>(8, DeviceId(1)));
    compare({.n_used = 2}, all_but_one());
}

TEST_F(MainMemoryAndTwoGpus, HaveTheBitsThatTheyHaveOnTheirDevices) {
    compare({}, in_turn(8));
    compare({.n_experts = 32, .n_used = 8, .is_merged = true}, in_turn(32));
}

TEST_F(MainMemoryExperts, KeepTheirBitsWhenGraphsTakeTurns) {
    const LayerOptions options{.n_used = 2};
    const auto machine = machine_with(alternating(8), 3);
    const auto execution = make_execution(*machine);
    std::vector<std::unique_ptr<test::ExpertLayer>> layers;
    std::vector<ggml_backend_buffer_ptr> buffers;
    for (int i = 0; i < 3; ++i) {
        LayerOptions own = options;
        own.layer = i;
        layers.push_back(std::make_unique<test::ExpertLayer>(own));
        buffers.push_back(fill(*layers.back(), *machine));
        layers.back()->graph().uid = static_cast<std::uint64_t>(i) + 7;
        execution->reserve(layers.back()->graph());
    }
    // Their graphs change places, and each keeps its bits.
    std::vector<std::vector<float>> first(3);
    for (std::int32_t time = 0; time < 12; ++time) {
        const test::ExpertLayer& layer = *layers[static_cast<std::size_t>(time) % 3];
        choose(layer, options, 1);
        ASSERT_EQ(execution->compute(layer.graph()), GGML_STATUS_SUCCESS) << time;
        execution->synchronize();
        const std::vector<float> values = test::values_of(*layer.result);
        std::vector<float>& known = first[static_cast<std::size_t>(time) % 3];
        known = known.empty() || time < 6 ? values : known;
        EXPECT_EQ(std::memcmp(values.data(), known.data(), values.size() * sizeof(float)), 0)
            << time;
    }
}

TEST_F(MainMemoryExperts, AreComputedFromCopiesAtHomeOnceTheyAreThere) {
    for (const bool is_merged : {false, true}) {
        SCOPED_TRACE(is_merged);
        const LayerOptions options{.n_used = 2, .is_merged = is_merged};
        const std::vector<DeviceId> in_main_memory(8, DeviceId(1));
        const std::vector<DeviceId> at_home(8, DeviceId(0));
        const auto machine = machine_with(in_main_memory);
        const auto cache =
            ExpertCacheMemory::take(machine->device(DeviceId(0)), 256_KiB, 2).value();
        const test::ExpertLayer layer(options);
        const auto buffer = fill(layer, *machine);
        layer.graph().uid = 7;
        const auto execution = make_execution(*machine);
        execution->reserve(layer.graph());
        const auto rows_of_cpu = [&] { return machine->device(DeviceId(1)).rows_computed(); };
        // Two others take the place of the first two, and these come back.
        for (const std::int32_t time : {0, 1, 0, 2, 1}) {
            choose(layer, options, time);
            std::uint64_t before = 0;
            for (int token = 0; token < 10; ++token) {
                before = rows_of_cpu();
                ASSERT_EQ(execution->compute(layer.graph()), GGML_STATUS_SUCCESS);
                execution->synchronize();
            }
            EXPECT_EQ(rows_of_cpu(), before) << time;
            const std::vector<float> values = test::values_of(*layer.result);
            const Outcome expected = compute(options, at_home, time, 1);
            EXPECT_EQ(std::memcmp(values.data(), expected.results[0].data(),
                                  values.size() * sizeof(float)),
                      0)
                << time;
        }
    }
}

}  // namespace
}  // namespace hexcore
