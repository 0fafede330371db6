#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <vector>

#include "hexcore/runtime/decoder.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "runtime/loaded_model.hpp"

// The last hidden states of tokens, beside their logits.

namespace hexcore::test {
namespace {

class StatesOfTokens : public LoadedModelTest {
protected:
    StatesOfTokens() { write({.n_experts = 8, .n_used = 3}); }

    Plan plan_of_two() const {
        Plan plan = random_plan(41);
        plan.context.sequences = 2;
        return plan;
    }
    static LoadOptions giving(bool states) {
        LoadOptions options = load_options();
        options.context.outputs = 2;
        options.context.states = states;
        return options;
    }
    Result<LoadedModel> load_giving(const Plan& plan, bool states) {
        return LoadedModel::load(*machine_, inventory_, plan, giving(states));
    }

    struct Computed {
        std::vector<std::vector<float>> logits;
        std::vector<std::vector<float>> states;
    };
    /// Prompts for two sequences, then tokens for both, each time in one batch.
    static Computed compute(LoadedModel& model, States wanted) {
        Decoder decoder(model);
        Computed computed;
        const auto tokens = tokens_for(20, 128);
        const auto decode = [&](const std::vector<SequenceTokens>& parts, States states) {
            const auto decoded = decoder.decode(parts, nullptr, states);
            EXPECT_TRUE(decoded.has_value()) << decoded.error().message;
            for (std::size_t part = 0; part < parts.size(); ++part) {
                const auto logits = decoder.logits(part);
                EXPECT_TRUE(logits.has_value());
                computed.logits.emplace_back(logits->begin(), logits->end());
                if (states == States::wanted) {
                    const auto state = decoder.state(part);
                    computed.states.emplace_back(state.begin(), state.end());
                }
            }
        };
        const std::span all(tokens);
        decode({{0, 0, all.first(9)}, {1, 0, all.first(5)}}, States::none);
        for (std::uint32_t i = 0; i < 4; ++i) {
            decode({{0, 9 + i, all.subspan(9 + i, 1)}, {1, 5 + i, all.subspan(9 + i, 1)}}, wanted);
        }
        decode({{0, 13, all.subspan(13, 4)}, {1, 9, all.subspan(13, 6)}}, States::none);
        decode({{1, 15, all.subspan(0, 1)}}, wanted);
        return computed;
    }
};

TEST_F(StatesOfTokens, LeaveTheLogitsTheSameBits) {
    for (const std::size_t n_devices : {1U, 3U}) {
        make_machine(n_devices);
        const Plan plan = plan_of_two();
        Computed without;
        {
            auto model = load_giving(plan, false);
            ASSERT_TRUE(model.has_value()) << model.error().message;
            EXPECT_FALSE(model->gives_states());
            without = compute(*model, States::none);
        }
        auto model = load_giving(plan, true);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        EXPECT_TRUE(model->gives_states());
        const Computed with = compute(*model, States::wanted);
        EXPECT_EQ(with.logits, without.logits);
        EXPECT_EQ(with.states.size(), 9U);
        for (const auto& state : with.states) {
            ASSERT_EQ(state.size(), 64U);
            double square = 0;
            for (const float value : state) {
                square += static_cast<double>(value) * static_cast<double>(value);
            }
            EXPECT_GT(square, 1e-6);
            EXPECT_TRUE(std::isfinite(square));
        }
        EXPECT_NE(with.states[0], with.states[1]);
    }
}

TEST_F(StatesOfTokens, AreWhatTheModelMakesItsLogitsOf) {
    make_machine(2);
    auto model = load_giving(plan_of_two(), true);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    const Computed computed = compute(*model, States::wanted);
    // The output's rows, from the file: [128][64].
    const auto output = std::ranges::find(inventory_.tensors, "output.weight",
                                          [](const auto& tensor) { return tensor.name; });
    std::vector<float> rows(128 * 64);
    std::ifstream file(path_, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(output->offset_bytes));
    file.read(reinterpret_cast<char*>(rows.data()),
              static_cast<std::streamsize>(rows.size() * sizeof(float)));
    const std::vector<float>& state = computed.states.back();
    const std::vector<float>& logits = computed.logits.back();
    for (std::size_t word = 0; word < 128; ++word) {
        double logit = 0;
        for (std::size_t i = 0; i < state.size(); ++i) {
            logit += static_cast<double>(state[i]) * static_cast<double>(rows[word * 64 + i]);
        }
        EXPECT_NEAR(logits[word], logit, 1e-5) << word;
    }
}

TEST_F(StatesOfTokens, ArePlannedForToTheByte) {
    make_machine(3);
    const Plan plan = plan_of_two();
    const auto planned = make_dry_run(*machine_, inventory_, giving(true).context)(plan);
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    {
        auto model = load_giving(plan, true);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        const auto expect_as_planned = [&] {
            for (std::size_t i = 0; i < machine_->size(); ++i) {
                EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted(), planned->devices[i])
                    << i;
            }
            EXPECT_EQ(model->host_usage(), planned->host);
        };
        expect_as_planned();
        compute(*model, States::wanted);
        expect_as_planned();
    }
    expect_empty_devices();
}

}  // namespace
}  // namespace hexcore::test
