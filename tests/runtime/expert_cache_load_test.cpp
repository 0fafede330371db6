// The memory of an expert cache in a dry run and in a load, on a device that stands in for a GPU.

#include <gmock/gmock.h>

#include "hexcore/backend/experts/expert_cache_memory.hpp"
#include "hexcore/backend/wrapped_device.hpp"
#include "hexcore/plan/make_plan.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "runtime/loaded_model.hpp"

namespace hexcore::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A GPU to the plan, wrapped as one is; behind it is ggml's CPU backend.
Result<std::unique_ptr<Device>> make_stand_in(Machine& machine, ggml_backend_reg_t registry,
                                              DeviceId id, const DeviceSpec& spec,
                                              Commitment commitment) {
    if (spec.kind == DeviceKind::host) {
        return make_device(machine, registry, id, spec, commitment);
    }
    InnerDevice inner;
    inner.device = ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU);
    inner.tells_free_memory = false;
    return std::make_unique<WrappedDevice>(machine, registry, id, spec, commitment, inner);
}

class ExpertCacheLoad : public LoadedModelTest {
protected:
    void SetUp() override {
        write({});
        std::vector<DeviceSpec> specs(2);
        specs[0].name = "cuda:0";
        specs[0].kind = DeviceKind::rpc;  // which nobody looks for among the GPUs of this machine
        specs[1].name = "host0";
        for (DeviceSpec& spec : specs) {
            spec.budget = 64_MiB;
        }
        auto machine = Machine::create(specs, Commitment::committed, make_stand_in);
        ASSERT_TRUE(machine.has_value()) << machine.error().message;
        machine_ = std::move(*machine);
        request_.model = profile_from_inventory(inventory_);
        request_.context = {.tokens = TokenCount(1024), .ubatch = TokenCount(512)};
        for (const DeviceSpec& spec : specs) {
            DeviceFacts& facts = request_.devices.emplace_back();
            facts.name = spec.name;
            facts.kind = spec.kind == DeviceKind::host ? DeviceKind::host : DeviceKind::cuda;
            facts.budget = spec.budget;
            facts.bandwidth_bytes_per_s = typical_speed(facts.kind).bandwidth_bytes_per_s;
        }
        request_.expert_cache = expert_slot_size(request_.model) * 3 + 100_B;
    }

    [[nodiscard]] Result<Plan> planned() {
        return make_plan(request_,
                         make_dry_run(*machine_, inventory_, load_options().context, nullptr));
    }
    [[nodiscard]] Device& gpu() { return machine_->device(DeviceId(0)); }

    PlanRequest request_;
};

TEST_F(ExpertCacheLoad, TakesWhatIsPlannedToTheByteAndGivesItBack) {
    const auto plan = planned();
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    ASSERT_EQ(plan->devices[0].expert_cache_slots, 3U);
    EXPECT_EQ(plan->devices[0].planned.expert_cache, expert_slot_size(request_.model) * 3);
    EXPECT_EQ(plan->devices[1].planned.expert_cache, 0_B);
    {
        const auto model = load(*plan);
        ASSERT_TRUE(model.has_value()) << model.error().message;
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            const Device& device = machine_->device(DeviceId(i));
            EXPECT_EQ(device.memory().accounted(), plan->devices[i].planned) << device.name();
        }
        const ExpertCacheMemory* cache = gpu().expert_cache();
        ASSERT_NE(cache, nullptr);
        EXPECT_EQ(cache->slots(), 3U);
        EXPECT_EQ(cache->slot_size(), expert_slot_size(request_.model));
        EXPECT_EQ(cache->slot(2) - cache->base(),
                  static_cast<std::ptrdiff_t>(2 * cache->slot_size().count()));
        EXPECT_EQ(machine_->device(DeviceId(1)).expert_cache(), nullptr);
    }
    EXPECT_EQ(gpu().expert_cache(), nullptr);
    expect_empty_devices();
}

TEST_F(ExpertCacheLoad, EachExpertOfTheModelGoesIntoASlot) {
    const auto plan = planned();
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    const auto caches = machine_->take_expert_caches(plan->devices);
    ASSERT_TRUE(caches.has_value()) << caches.error().message;
    ASSERT_EQ(caches->size(), 1U);
    std::vector<std::vector<Bytes>> parts(inventory_.n_layers);
    for (const TensorInfo& tensor : inventory_.tensors) {
        if (tensor.role == TensorRole::expert) {
            parts[tensor.layer->value()].emplace_back(tensor.bytes.count() / tensor.n_experts);
        }
    }
    for (const std::vector<Bytes>& layer : parts) {
        EXPECT_TRUE(caches->front()->has_room_for(layer));
    }
    const std::vector<Bytes> large(3, caches->front()->slot_size());
    EXPECT_FALSE(caches->front()->has_room_for(large));
}

TEST_F(ExpertCacheLoad, ALoadThatIsRefusedLeavesNothing) {
    const auto plan = planned();
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    {
        const auto taken = gpu().memory().take_elsewhere(64_MiB - 1_KiB, Purpose::staging);
        ASSERT_TRUE(taken.has_value());
        const auto caches = machine_->take_expert_caches(plan->devices);
        ASSERT_FALSE(caches.has_value());
        EXPECT_EQ(caches.error().code, ErrorCode::does_not_fit);
        EXPECT_THAT(caches.error().message, HasSubstr("cuda:0"));
        EXPECT_EQ(gpu().expert_cache(), nullptr);
    }
    expect_empty_devices();
}

TEST_F(ExpertCacheLoad, WhatIsCountedIsAddedUpUntilStatisticsBeginAnew) {
    EXPECT_EQ(gpu().expert_cache_stats(), std::nullopt);
    const auto plan = planned();
    ASSERT_TRUE(plan.has_value()) << plan.error().message;
    const auto caches = machine_->take_expert_caches(plan->devices);
    ASSERT_TRUE(caches.has_value()) << caches.error().message;
    gpu().count_expert_cache({.slots = 9, .lookups = 8, .hits = 6, .uploads = 1, .bytes = 10_B});
    gpu().count_expert_cache({.slots = 9, .lookups = 8, .hits = 6, .uploads = 1, .bytes = 10_B});
    const ExpertCacheStats twice{
        .slots = 3, .lookups = 16, .hits = 12, .uploads = 2, .bytes = 20_B};
    EXPECT_EQ(gpu().expert_cache_stats(), twice);
    EXPECT_EQ(twice.misses(), 4U);
    EXPECT_EQ(twice.hit_rate(), 0.75);
    gpu().reset_statistics();
    EXPECT_EQ(gpu().expert_cache_stats()->lookups, 0U);
}

TEST(ExpertCacheSlots, PartsLieOneBehindTheOtherAsShardsDo) {
    const std::vector<Bytes> parts = {1000_B, 1000_B, 3000_B};
    EXPECT_THAT(ExpertCacheMemory::offsets_of(parts), ElementsAre(0_B, 2048_B, 4096_B));
    EXPECT_THAT(ExpertCacheMemory::offsets_of(std::vector<Bytes>{2000_B, 1000_B}),
                ElementsAre(0_B, 2560_B));
}

}  // namespace
}  // namespace hexcore::test
