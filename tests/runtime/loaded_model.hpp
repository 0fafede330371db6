#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "hexcore/runtime/loaded_model.hpp"
#include "hexcore/runtime/verify.hpp"
#include "support/sanitized.hpp"
#include "support/temp_folder.hpp"
#include "support/tiny_mixture.hpp"

namespace hexcore::test {

inline std::vector<llama_token> tokens_for(std::size_t count, std::uint32_t n_vocab) {
    std::mt19937 random(static_cast<std::uint32_t>(count));
    std::vector<llama_token> tokens(count);
    for (llama_token& token : tokens) {
        token = static_cast<llama_token>(random() % n_vocab);
    }
    return tokens;
}

/// A tiny mixture on disk and a machine of capped host devices, to be loaded by placements that a
/// test makes by hand.
class LoadedModelTest : public ::testing::Test {
protected:
    void write(const TinyShape& shape) {
        path_ = folder_.path() / "tiny.gguf";
        write_tiny_mixture(path_, shape);
        read();
    }

    /// Takes what is written at path_.
    void read() {
        auto inventory = read_inventory(path_);
        ASSERT_TRUE(inventory.has_value()) << inventory.error().message;
        inventory_ = std::move(*inventory);
    }

    void make_machine(std::size_t n_devices, Bytes budget = 64_MiB) {
        std::vector<DeviceSpec> specs(n_devices);
        for (std::size_t i = 0; i < n_devices; ++i) {
            specs[i].name = fmt::format("host{}", i);
            specs[i].budget = budget;
        }
        auto machine = Machine::create(specs);
        ASSERT_TRUE(machine.has_value()) << machine.error().message;
        machine_ = std::move(*machine);
    }

    /// Layers dealt evenly, experts at random.
    Plan random_plan(std::uint32_t seed) const {
        std::mt19937 random(seed);
        const std::size_t n = machine_->size();
        Plan plan;
        plan.n_layers = inventory_.n_layers;
        plan.context = {.tokens = TokenCount(1024), .ubatch = TokenCount(512)};
        std::vector<std::size_t> experts_of(inventory_.n_layers);
        for (const TensorInfo& tensor : inventory_.tensors) {
            if (tensor.role == TensorRole::expert && tensor.layer) {
                experts_of[tensor.layer->value()] = tensor.n_experts;
            }
        }
        for (std::size_t layer = 0; layer < inventory_.n_layers; ++layer) {
            plan.placement.layer_device.push_back(DeviceId(layer * n / inventory_.n_layers));
            auto& experts = plan.placement.expert_device.emplace_back();
            if (layer + inventory_.n_layers_nextn >= inventory_.n_layers) {
                continue;  // not loaded
            }
            for (std::size_t expert = 0; expert < experts_of[layer]; ++expert) {
                experts.push_back(DeviceId(static_cast<std::size_t>(random() % n)));
            }
        }
        return plan;
    }

    static LoadOptions load_options() {
        LoadOptions options;
        options.context = {.outputs = 512, .threads = 2};
        return options;
    }

    Result<LoadedModel> load(const Plan& plan) {
        return LoadedModel::load(*machine_, inventory_, plan, load_options());
    }

    /// The logits of a session that is loaded for them and unloaded again.
    Result<std::vector<float>> loaded_logits(const Plan& plan, const VerifyOptions& options) {
        HEXCORE_TRY(session, load(plan));
        return planned_outputs(session, options);
    }

    void expect_those_of_plain_libllama(const std::vector<float>& planned, const Plan& plan,
                                        const VerifyOptions& options) {
        const auto plain = plain_outputs(*machine_, inventory_, plan, options);
        ASSERT_TRUE(plain.has_value()) << plain.error().message;
        const VerifyReport report = compare_outputs(planned, *plain, options);
        EXPECT_TRUE(report.identical) << report.max_relative_error;
        EXPECT_TRUE(std::isfinite(report.max_relative_error));
    }

    void expect_empty_devices() {
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            const Device& device = machine_->device(DeviceId(i));
            EXPECT_EQ(device.memory().budget().used(), 0_B) << device.name();
            if (device.is_host()) {
                EXPECT_EQ(device.measured().value(), 0_B) << device.name();
            }
        }
        EXPECT_EQ(machine_->host().budget().used(), 0_B) << "host memory";
    }

    TempFolder folder_;
    std::filesystem::path path_;
    Inventory inventory_;
    std::unique_ptr<Machine> machine_;
};

}  // namespace hexcore::test
