// Expert tensors in a device's ordinary buffers, placed by their names: what a plugin has to do,
// because a stock program knows no other buffer type.

#include <gtest/gtest.h>

#include <numeric>

#include "ggml-alloc.h"
#include "ggml-cpp.h"
#include "hexcore/backend/experts/expert_buffer.hpp"
#include "hexcore/backend/machine.hpp"
#include "support/device_pairs.hpp"

namespace hexcore {
namespace {

constexpr std::int64_t columns = 32;
constexpr std::int64_t rows = 3;
constexpr std::int64_t n_experts = 5;
constexpr std::size_t expert_size = columns * rows * sizeof(float);

/// Two devices of a kind; layer 0 is at home on the first, its experts on 0, 1, 1, 0 and 1.
class NamedExperts : public ::testing::TestWithParam<DeviceKind> {
protected:
    void SetUp() override {
        const auto specs = pair_.specs(budget);
        if (!specs) {
            GTEST_SKIP() << specs.error().message;
        }
        auto machine = Machine::create(*specs);
        ASSERT_TRUE(machine.has_value()) << machine.error().message;
        machine_ = std::move(*machine);
        Placement placement;
        placement.layer_device = {DeviceId(0), DeviceId(0)};
        placement.expert_device = {
            {DeviceId(0), DeviceId(1), DeviceId(1), DeviceId(0), DeviceId(1)}, {}};
        ASSERT_TRUE(machine_->place_experts(placement).has_value());
        context_.reset(ggml_init(
            {.mem_size = std::size_t{1} << 16U, .mem_buffer = nullptr, .no_alloc = true}));
    }

    Device& device(std::size_t index) { return machine_->device(DeviceId(index)); }
    ggml_tensor* tensor(const std::string& name, std::int64_t n = n_experts) {
        ggml_tensor* made = ggml_new_tensor_3d(context_.get(), GGML_TYPE_F32, columns, rows, n);
        ggml_set_name(made, name.c_str());
        return made;
    }
    /// As libllama allocates a model's weights on a device.
    ggml_backend_buffer_ptr allocate() {
        ggml_backend_buffer_ptr buffer(
            ggml_backend_alloc_ctx_tensors_from_buft(context_.get(), device(0).buffer_type()));
        if (buffer) {
            ggml_backend_buffer_set_usage(buffer.get(), GGML_BACKEND_BUFFER_USAGE_WEIGHTS);
        }
        return buffer;
    }
    Usage held(std::size_t index) { return device(index).memory().accounted(); }

    static constexpr Bytes budget = 1_MiB;
    test::DevicePair pair_{GetParam(), GetParam()};
    std::unique_ptr<Machine> machine_;
    ggml_context_ptr context_;
};

TEST_P(NamedExperts, LieOnTheDevicesOfTheLayoutAndNotInTheBuffer) {
    tensor("blk.0.attn_norm.weight", 1);
    tensor("blk.0.ffn_up_exps.weight");
    const auto buffer = allocate();
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(held(0).weights, Bytes(expert_size));
    EXPECT_EQ(held(0).experts, ExpertLayout::shard_size(Bytes(2 * expert_size)));
    EXPECT_EQ(held(1).experts, ExpertLayout::shard_size(Bytes(3 * expert_size)));
}

TEST_P(NamedExperts, ComeBackAsTheyWereWritten) {
    tensor("blk.0.attn_norm.weight", 1);
    ggml_tensor* experts = tensor("blk.0.ffn_down_exps.weight");
    const auto buffer = allocate();
    ASSERT_NE(buffer, nullptr);
    std::vector<float> written(columns * rows * n_experts);
    std::iota(written.begin(), written.end(), 1.0F);
    ggml_backend_tensor_set(experts, written.data(), 0, ggml_nbytes(experts));
    std::vector<float> read(written.size());
    ggml_backend_tensor_get(experts, read.data(), 0, ggml_nbytes(experts));
    EXPECT_EQ(read, written);
    const ShardedTensor* shards = sharded(experts);
    ASSERT_NE(shards, nullptr);
    std::vector<float> third(columns * rows);
    ggml_backend_tensor_get(&shards->shards[1], third.data(), expert_size, expert_size);
    EXPECT_EQ(third.front(), written[2 * columns * rows]) << "expert 2 is device 1's second";
}

TEST_P(NamedExperts, AreClearedWithTheBuffer) {
    tensor("blk.0.attn_norm.weight", 1);
    ggml_tensor* experts = tensor("blk.0.ffn_down_exps.weight");
    const auto buffer = allocate();
    ASSERT_NE(buffer, nullptr);
    std::vector<float> data(columns * rows * n_experts, 1.0F);
    ggml_backend_tensor_set(experts, data.data(), 0, ggml_nbytes(experts));
    ggml_backend_buffer_clear(buffer.get(), 0);
    ggml_backend_tensor_get(experts, data.data(), 0, ggml_nbytes(experts));
    EXPECT_EQ(data, std::vector<float>(data.size()));
}

TEST_P(NamedExperts, AreGivenBackWithTheBuffer) {
    tensor("blk.0.attn_norm.weight", 1);
    tensor("blk.0.ffn_up_exps.weight");
    allocate().reset();
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(device(i).memory().budget().used(), 0_B);
    }
}

TEST_P(NamedExperts, TakeTheirAdaptersWithThem) {
    for (const char* name :
         {"blk.0.ffn_up_exps.weight.lora_a", "blk.0.ffn_up_exps.weight.lora_b"}) {
        tensor(name);
    }
    const auto buffer = allocate();
    ASSERT_NE(buffer, nullptr);
    EXPECT_LT(held(0).weights, Bytes(expert_size));
    EXPECT_EQ(held(0).adapters, 2 * ExpertLayout::shard_size(Bytes(2 * expert_size)));
    EXPECT_EQ(held(1).adapters, 2 * ExpertLayout::shard_size(Bytes(3 * expert_size)));
}

TEST_P(NamedExperts, BiasesAndLayersWithoutExpertsAreOrdinaryTensors) {
    for (const char* name :
         {"blk.0.ffn_up_exps.bias", "blk.0.ffn_up.weight", "ffn_up_exps.weight"}) {
        tensor(name);
    }
    const auto buffer = allocate();
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(held(0).weights, Bytes(3 * n_experts * expert_size));
    EXPECT_EQ(held(1), Usage{});
}

TEST_P(NamedExperts, AdaptersOfOrdinaryTensorsAreAccountedByThemselves) {
    tensor("blk.1.ffn_up_exps.weight.lora_a");
    const auto buffer = allocate();
    ASSERT_NE(buffer, nullptr);
    EXPECT_EQ(held(0).adapters, Bytes(n_experts * expert_size));
    EXPECT_EQ(held(0).weights, 0_B);
    EXPECT_EQ(held(1), Usage{});
}

TEST_P(NamedExperts, OfAnotherModelAreRefusedWithASentence) {
    for (const auto& [name, n] : {std::pair{"blk.0.ffn_up_exps.weight", n_experts + 1},
                                  {"blk.1.ffn_up_exps.weight", n_experts},
                                  {"blk.7.ffn_up_exps.weight", n_experts}}) {
        ggml_reset(context_.get());
        tensor(name, n);
        EXPECT_EQ(allocate(), nullptr);
        const auto refusal = machine_->last_refusal();
        ASSERT_TRUE(refusal.has_value());
        EXPECT_EQ(refusal->code, ErrorCode::bad_input);
        EXPECT_NE(refusal->message.find("the plan is for another model"), std::string::npos);
        EXPECT_NE(refusal->message.find(name), std::string::npos);
        EXPECT_EQ(device(0).memory().budget().used(), 0_B);
    }
}

TEST_P(NamedExperts, OverABudgetLeaveNothingBehind) {
    tensor("blk.0.attn_norm.weight", 1);
    tensor("blk.0.ffn_up_exps.weight");
    const auto all_but_a_page = device(1).allocate_experts(1_MiB - 1_KiB);
    ASSERT_TRUE(all_but_a_page.has_value());
    EXPECT_EQ(allocate(), nullptr);
    EXPECT_EQ(machine_->last_refusal().value().code, ErrorCode::does_not_fit);
    EXPECT_EQ(device(0).memory().budget().used(), 0_B);
}

INSTANTIATE_TEST_SUITE_P(On, NamedExperts,
                         ::testing::Values(DeviceKind::host, DeviceKind::rpc, DeviceKind::cuda),
                         [](const auto& kind) { return test::name_of(kind.param); });

}  // namespace
}  // namespace hexcore
