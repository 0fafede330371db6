#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>

#include "hexcore/runtime/dry_run.hpp"
#include "hexcore/runtime/tokenizer.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

class Session : public LoadedModelTest {};

TEST_F(Session, LogitsAreThoseOfPlainLibllamaToTheBit) {
    struct Case {
        std::size_t n_devices;
        std::uint32_t n_experts;
        std::uint32_t n_used;
        std::size_t n_tokens;
        std::uint32_t batch;
    };
    for (const Case& c : {Case{1, 4, 2, 17, 5}, Case{2, 2, 1, 1, 0}, Case{2, 4, 2, 300, 0},
                          Case{2, 8, 2, 65, 7}, Case{3, 16, 4, 512, 0}, Case{3, 5, 5, 40, 1},
                          Case{4, 64, 8, 130, 33}, Case{3, 64, 1, 97, 13}}) {
        SCOPED_TRACE(fmt::format("{} devices, {} experts, {} used, {} tokens by {}", c.n_devices,
                                 c.n_experts, c.n_used, c.n_tokens, c.batch));
        const TinyShape shape{.n_experts = c.n_experts, .n_used = c.n_used};
        write(shape);
        make_machine(c.n_devices);
        const Plan plan = random_plan(c.n_experts);
        const VerifyOptions options{
            .tokens = tokens_for(c.n_tokens, shape.n_vocab), .batch = c.batch, .threads = 2};
        const auto planned = loaded_logits(plan, options);
        ASSERT_TRUE(planned.has_value()) << planned.error().message;
        expect_empty_devices();
        expect_those_of_plain_libllama(*planned, plan, options);
    }
}

TEST_F(Session, EveryRowIsComputedWhereItsExpertLives) {
    write({.n_experts = 4, .n_used = 4});
    make_machine(2);
    Plan plan = random_plan(1);
    for (std::size_t layer = 0; layer < inventory_.n_layers; ++layer) {
        plan.placement.expert_device[layer] = {DeviceId(1), DeviceId(0), DeviceId(1), DeviceId(1)};
    }
    auto session = load(plan);
    ASSERT_TRUE(session.has_value()) << session.error().message;
    const VerifyOptions options{.tokens = tokens_for(10, 128)};
    ASSERT_TRUE(planned_outputs(*session, options).has_value());
    // All four experts are used: of 10 tokens x 3 products x 3 layers, one row in four is host0's.
    EXPECT_EQ(machine_->device(DeviceId(0)).rows_computed(), 10U * 3 * 3);
    EXPECT_EQ(machine_->device(DeviceId(1)).rows_computed(), 10U * 3 * 3 * 3);
}

TEST_F(Session, WhatTheDryRunSaysIsWhatTheLoadTakes) {
    write({.n_experts = 8, .n_embd = 128, .n_ff = 256});
    make_machine(3);
    const Plan plan = random_plan(3);
    const ContextOptions context{.outputs = 512, .threads = 2};
    const auto planned = make_dry_run(*machine_, inventory_, context)(plan);
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    auto session = load(plan);
    ASSERT_TRUE(session.has_value()) << session.error().message;
    for (std::size_t i = 0; i < machine_->size(); ++i) {
        const DeviceMemory& memory = machine_->device(DeviceId(i)).memory();
        EXPECT_EQ(memory.accounted(), planned->devices[i]) << i;
        const double accounted = memory.budget().used().as_double();
        EXPECT_NEAR(memory.measured().value().as_double(), accounted, accounted * 0.01 + 32768);
    }
    EXPECT_EQ(machine_->host().accounted(), planned->host);
    EXPECT_EQ(session->host_usage(), planned->host);
}

TEST_F(Session, OverBudgetIsRefusedAndLeavesNothing) {
    write({.n_experts = 8, .n_embd = 128, .n_ff = 256});
    for (const Bytes budget : {1_KiB, 512_KiB, 1_MiB, 2_MiB, 4_MiB}) {
        make_machine(2, budget);
        const auto session = load(random_plan(5));
        ASSERT_FALSE(session.has_value()) << to_string(budget);
        EXPECT_EQ(session.error().code, ErrorCode::does_not_fit) << session.error().message;
        EXPECT_NE(session.error().message.find("host"), std::string::npos);
        expect_empty_devices();
    }
}

Bytes own_resident() {
    ::malloc_trim(0);
    std::ifstream file("/proc/self/statm");
    std::uint64_t pages = 0;
    file >> pages >> pages;
    return Bytes(pages * 4096);
}

TEST_F(Session, LoadsAndUnloadsDoNotGrow) {
    // One heap for all threads: with one for each, which pages stay in which is chance.
    ::mallopt(M_ARENA_MAX, 1);
    write({.n_layers = 2});
    make_machine(2);
    const Plan plan = random_plan(9);
    const VerifyOptions options{.tokens = tokens_for(9, 128), .threads = 2};
    Bytes after_warm_up;
    for (int cycle = 0; cycle <= 50; ++cycle) {
        {
            auto session = load(plan);
            ASSERT_TRUE(session.has_value()) << session.error().message;
            ASSERT_TRUE(planned_outputs(*session, options).has_value());
        }
        if (cycle == 10) {
            after_warm_up = own_resident();
        }
    }
    expect_empty_devices();
    // At most 26 KiB a load.
    EXPECT_LE(own_resident(), after_warm_up + (sanitized ? 4_MiB : 1_MiB));
}

TEST_F(Session, AModelWithoutTokenizerTakesNoText) {
    write({});
    make_machine(1);
    auto session = load(random_plan(1));
    ASSERT_TRUE(session.has_value()) << session.error().message;
    const auto tokens = Tokenizer(*session).tokenize("Hello", TextPlace::start);
    ASSERT_FALSE(tokens.has_value());
    EXPECT_EQ(tokens.error().code, ErrorCode::bad_input);
}

TEST_F(Session, AStoppedLoadSaysSoAndLeavesNothing) {
    write({});
    make_machine(2);
    const std::atomic<bool> stop{true};
    LoadOptions options = load_options();
    options.stop = &stop;
    const auto session = LoadedModel::load(*machine_, inventory_, random_plan(2), options);
    ASSERT_FALSE(session.has_value());
    EXPECT_EQ(session.error().code, ErrorCode::interrupted);
    expect_empty_devices();
}

}  // namespace
}  // namespace hexcore::test
