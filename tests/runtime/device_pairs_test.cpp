// Models over devices of other backends: RPC servers, and GPUs where there are two.

#include "support/device_pairs.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>

#include "hexcore/runtime/dry_run.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

struct Kinds {
    DeviceKind first;
    DeviceKind second;
};

void PrintTo(const Kinds& kinds, std::ostream* out) {
    *out << name_of(kinds.first) << " and " << name_of(kinds.second);
}

class OverPairs : public LoadedModelTest, public ::testing::WithParamInterface<Kinds> {
protected:
    void SetUp() override {
        auto specs = pair_.specs_for_model(1_GiB);
        if (!specs) {
            GTEST_SKIP() << specs.error().message;
        }
        auto machine = Machine::create(*specs);
        ASSERT_TRUE(machine.has_value()) << machine.error().message;
        machine_ = std::move(*machine);
    }

    void expect_nothing_accounted() {
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            EXPECT_EQ(machine_->device(DeviceId(i)).memory().budget().used(), 0_B) << i;
        }
    }

    /// By all devices together.
    Bytes taken() const {
        Bytes sum;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            sum += machine_->device(DeviceId(i)).memory().budget().used();
        }
        return sum;
    }

    /// What each device's kernel, driver or server says; nothing where it does not tell.
    std::vector<Bytes> measured() {
        std::vector<Bytes> all;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            all.push_back(machine_->device(DeviceId(i)).measured().value().value_or(0_B));
        }
        return all;
    }

    /// What plain libllama computes with: the same devices, or main memory in the place of RPC
    /// servers, which compute with the same kernels and serve one client at a time.
    Machine& plain_machine() {
        if (!pair_.has(DeviceKind::rpc)) {
            return *machine_;
        }
        if (!hosts_) {
            std::vector<DeviceSpec> specs(2);
            specs[0].name = "host0";
            specs[1].name = "host1";
            hosts_ = Machine::create(specs).value();
        }
        return *hosts_;
    }

    static std::vector<llama_token> tokens(std::size_t count, const TinyShape& shape) {
        return tokens_for(count, shape.n_vocab);
    }

    DevicePair pair_{GetParam().first, GetParam().second};
    std::unique_ptr<Machine> hosts_;
};

TEST_P(OverPairs, LogitsAreThoseOfPlainLibllama) {
    struct Case {
        std::uint32_t n_experts;
        std::uint32_t n_used;
        std::size_t n_tokens;
        std::uint32_t batch;
    };
    for (const Case& c : {Case{4, 2, 17, 5}, Case{2, 1, 1, 0}, Case{8, 8, 40, 1},
                          Case{64, 8, 130, 33}, Case{16, 4, 300, 0}}) {
        SCOPED_TRACE(fmt::format("{} experts, {} used, {} tokens by {}", c.n_experts, c.n_used,
                                 c.n_tokens, c.batch));
        const TinyShape shape{.n_experts = c.n_experts, .n_used = c.n_used};
        write(shape);
        const Plan plan = random_plan(c.n_experts);
        VerifyOptions options{.tokens = tokens(c.n_tokens, shape), .batch = c.batch, .threads = 1};
        const auto planned = loaded_logits(plan, options);
        ASSERT_TRUE(planned.has_value()) << planned.error().message;
        expect_nothing_accounted();
        const auto plain = plain_outputs(plain_machine(), inventory_, plan, options);
        ASSERT_TRUE(plain.has_value()) << plain.error().message;
        // A GPU's kernels depend on the number of rows, which differs with the devices; and its
        // kernels are not the CPU's.
        const bool has_gpu = pair_.has(DeviceKind::cuda);
        options.tolerance = !has_gpu ? 0 : machine_->has_host() ? 1e-2 : 1e-3;
        const VerifyReport report = compare_outputs(*planned, *plain, options);
        EXPECT_TRUE(report.identical || has_gpu) << report.max_relative_error;
        EXPECT_LE(report.max_relative_error, options.tolerance);
    }
    EXPECT_GT(machine_->device(DeviceId(0)).rows_computed(), 0U);
    EXPECT_GT(machine_->device(DeviceId(1)).rows_computed(), 0U);
}

TEST_P(OverPairs, EveryRowIsComputedWhereItsExpertLives) {
    write({.n_experts = 4, .n_used = 4});
    Plan plan = random_plan(1);
    for (auto& experts : plan.placement.expert_device) {
        experts = {DeviceId(0), DeviceId(1), DeviceId(1), DeviceId(1)};
    }
    auto session = load(plan);
    ASSERT_TRUE(session.has_value()) << session.error().message;
    // Rows need their expert's bytes: one device has no room for a second expert, the other none
    // for the fourth.
    Bytes all;
    for (const TensorInfo& tensor : inventory_.tensors) {
        all += tensor.role == TensorRole::expert ? tensor.bytes : Bytes();
    }
    const auto holds = [this](std::uint32_t device) {
        return machine_->device(DeviceId(device)).memory().accounted().experts.count();
    };
    EXPECT_GE(holds(0), all.count() / 4);
    EXPECT_LT(holds(0), all.count() / 2);
    EXPECT_GE(holds(1), all.count() / 4 * 3);
    EXPECT_LT(holds(1), all.count());
    const VerifyOptions options{.tokens = tokens(10, {}), .batch = 4, .threads = 1};
    ASSERT_TRUE(planned_outputs(*session, options).has_value());
    EXPECT_EQ(machine_->device(DeviceId(0)).rows_computed(), 10U * 3 * 3);
    EXPECT_EQ(machine_->device(DeviceId(1)).rows_computed(), 10U * 3 * 3 * 3);
}

TEST_P(OverPairs, WhatTheDryRunSaysIsWhatTheLoadTakes) {
    write({.n_experts = 8, .n_embd = 128, .n_ff = 256});
    const Plan plan = random_plan(3);
    const ContextOptions context{.outputs = 512, .threads = 1};
    const auto planned = make_dry_run(*machine_, inventory_, context)(plan);
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    auto session = load(plan);
    ASSERT_TRUE(session.has_value()) << session.error().message;
    const VerifyOptions options{.tokens = tokens(600, {}), .batch = 512, .threads = 1};
    ASSERT_TRUE(planned_outputs(*session, options).has_value());
    for (std::size_t i = 0; i < machine_->size(); ++i) {
        EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted(), planned->devices[i]) << i;
    }
}

class StoppedLoads : public OverPairs {
protected:
    void SetUp() override {
        OverPairs::SetUp();
        if (IsSkipped() || HasFatalFailure()) {
            return;
        }
        write({.n_experts = 8, .n_embd = 128, .n_ff = 256});
        {
            // A GPU keeps the kernels that it ran once.
            auto session = load(random_plan(2));
            ASSERT_TRUE(session.has_value()) << session.error().message;
            all_ = taken();
            const VerifyOptions options{.tokens = tokens(64, {}), .threads = 1};
            ASSERT_TRUE(planned_outputs(*session, options).has_value());
        }
        at_first_ = measured();
    }

    /// Whether the load was stopped. It may have been over before.
    bool is_stopped_by(std::atomic<bool>& stop, LoadOptions options = load_options()) {
        options.stop = &stop;
        const auto session = LoadedModel::load(*machine_, inventory_, random_plan(2), options);
        if (session) {
            return false;
        }
        EXPECT_EQ(session.error().code, ErrorCode::interrupted) << session.error().message;
        return true;
    }

    void expect_nothing_left() {
        expect_nothing_accounted();
        EXPECT_EQ(measured(), at_first_);
    }

    Bytes all_;  ///< what a complete load takes
    std::vector<Bytes> at_first_;
};

TEST_P(StoppedLoads, AtTheirBeginAndWhileTheyReadLeaveNothingAndTheNextOneWorks) {
    std::atomic<bool> stop{true};
    EXPECT_TRUE(is_stopped_by(stop));
    expect_nothing_left();
    stop = false;
    LoadOptions reading = load_options();
    reading.progress = [&stop](ReadProgress) {
        stop = true;
        return true;
    };
    EXPECT_TRUE(is_stopped_by(stop, reading));
    expect_nothing_left();
    EXPECT_TRUE(load(random_plan(2)).has_value());
}

// Which of them end before they are stopped is chance. tests/faults stops a load at each of its
// calls, for main memory and RPC servers; here are GPUs, too.
TEST_P(StoppedLoads, WithSomeTenthsOfAllTakenLeaveNothing) {
    for (std::uint64_t tenths = 1; tenths <= 10; ++tenths) {
        SCOPED_TRACE(fmt::format("stopped with {} tenths of all taken", tenths));
        std::atomic<bool> stop{false};
        std::atomic<bool> over{false};
        std::thread stopper([&] {
            while (!over && taken() * 10 < all_ * tenths) {
                std::this_thread::yield();
            }
            stop = true;
        });
        (void)is_stopped_by(stop);
        over = true;
        stopper.join();
        expect_nothing_left();
    }
}

const auto host_and_rpc = ::testing::Values(Kinds{DeviceKind::host, DeviceKind::rpc},
                                            Kinds{DeviceKind::rpc, DeviceKind::host},
                                            Kinds{DeviceKind::rpc, DeviceKind::rpc});
const auto gpus = ::testing::Values(Kinds{DeviceKind::cuda, DeviceKind::cuda},
                                    Kinds{DeviceKind::cuda, DeviceKind::host});
INSTANTIATE_TEST_SUITE_P(HostAndRpc, OverPairs, host_and_rpc);
INSTANTIATE_TEST_SUITE_P(HostAndRpc, StoppedLoads, host_and_rpc);
INSTANTIATE_TEST_SUITE_P(Gpus, OverPairs, gpus);
INSTANTIATE_TEST_SUITE_P(Gpus, StoppedLoads, gpus);

}  // namespace
}  // namespace hexcore::test
