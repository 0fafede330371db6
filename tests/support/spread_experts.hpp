#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "hexcore/backend/execution/execution_strategy.hpp"
#include "hexcore/backend/kernels/kernel_library.hpp"
#include "hexcore/backend/machine.hpp"
#include "support/device_pairs.hpp"
#include "support/expert_layer.hpp"

namespace hexcore::test {

/// A layer of experts at home on cuda:0, some of which are on another device.
class SpreadExperts : public ::testing::Test {
protected:
    explicit SpreadExperts(DeviceKind second) : pair_(DeviceKind::cuda, second) {}

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

    /// What computes at home.
    [[nodiscard]] virtual std::unique_ptr<ExpertExecution> make_execution(Machine& machine) const {
        return strategy_for(machine).make(machine.device(DeviceId(0)));
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
        fill_randomly(layer);
        return buffer;
    }

    /// The experts of each token, one after the other.
    static std::vector<std::int32_t> choice_at(std::int32_t time, const LayerOptions& options) {
        std::vector<std::int32_t> ids;
        for (std::int32_t i = 0; i < options.n_used * options.n_tokens; ++i) {
            ids.push_back(static_cast<std::int32_t>((i * 3 + time) % options.n_experts));
        }
        return ids;
    }

    static void choose(const ExpertLayer& layer, const LayerOptions& options, std::int32_t time) {
        const std::vector<std::int32_t> ids = choice_at(time, options);
        ggml_backend_tensor_set(layer.ids, ids.data(), 0, ids.size() * sizeof(ids[0]));
    }

    /// The layer computed some times.
    Outcome compute(const LayerOptions& options, const std::vector<DeviceId>& device_of,
                    std::int32_t first_time = 0, std::int32_t n_times = 6) const {
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
            const auto execution = make_execution(*machine);
            execution->reserve(layer.graph());
            // Tried, launched, recorded, replayed; with another choice of experts each time.
            for (std::int32_t time = first_time; time < first_time + n_times; ++time) {
                choose(layer, options, time);
                EXPECT_EQ(execution->compute(layer.graph()), GGML_STATUS_SUCCESS) << time;
                execution->synchronize();
                outcome.results.push_back(values_of(*layer.result));
            }
            count_rows();
            for (const std::uint64_t rows : outcome.rows) {
                outcome.first_rows += rows;
            }
        }
        count_rows();
        return outcome;
    }

    /// Of eight experts all are elsewhere but one.
    static std::vector<DeviceId> all_but_one() {
        std::vector<DeviceId> devices(8, DeviceId(1));
        devices[3] = DeviceId(0);
        return devices;
    }

    static std::vector<DeviceId> alternating(std::int64_t n) {
        std::vector<DeviceId> devices;
        for (std::int64_t e = 0; e < n; ++e) {
            devices.emplace_back(static_cast<std::size_t>(e % 2));
        }
        return devices;
    }

    DevicePair pair_;
    std::vector<DeviceSpec> specs_;
};

}  // namespace hexcore::test
