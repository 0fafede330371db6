#include "hexcore/plan/placement.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "hexcore/plan/expert_time.hpp"
#include "support/model_text.hpp"

namespace hexcore::test {
namespace {

DeviceFacts device(Bytes budget, double bandwidth = 600e9, double hop = 10e-6) {
    DeviceFacts facts;
    facts.name = "device";
    facts.budget = budget;
    facts.bandwidth_bytes_per_s = bandwidth;
    facts.hop_latency_s = hop;
    return facts;
}

std::vector<std::uint32_t> experts_on(const Placement& placement, std::size_t n_devices) {
    std::vector<std::uint32_t> counts(n_devices, 0);
    for (const auto& layer : placement.expert_device) {
        for (const DeviceId on : layer) {
            ++counts[on.value()];
        }
    }
    return counts;
}

std::uint32_t layers_with_experts_away(const Placement& placement) {
    std::uint32_t away = 0;
    for (std::size_t l = 0; l < placement.layer_device.size(); ++l) {
        for (const DeviceId on : placement.expert_device[l]) {
            if (on != placement.layer_device[l]) {
                ++away;
                break;
            }
        }
    }
    return away;
}

TEST(Planner, SpillsExpertsBeforeAttention) {
    const ModelFacts model = model_from_text("4x(attn 1GiB kv 1GiB expert*8 100MiB)");
    const auto placed = place(model, {device(9_GiB), device(3_GiB)}, Policy::fastest);
    ASSERT_TRUE(placed);
    EXPECT_THAT(placed->layer_device, testing::Each(DeviceId(0)));
    EXPECT_GT(experts_on(*placed, 2)[1], 0U);
}

TEST(Planner, KeepsLayersWholeWhereHopsCostMoreThanSplittingSaves) {
    const ModelFacts model = model_from_text("16x(attn 20MiB expert*8 1MiB)");
    const std::vector<DeviceFacts> devices{device(400_MiB, 3e12, 1e-3),
                                           device(400_MiB, 3e12, 1e-3)};
    const auto placed = place(model, devices, Policy::balanced);
    ASSERT_TRUE(placed);
    EXPECT_EQ(layers_with_experts_away(*placed), 0U);
}

TEST(Planner, SplitsEveryLayerWhereReadingExpertsCostsMoreThanHops) {
    const ModelFacts model = model_from_text("16x(attn 20MiB expert*8 100MiB)");
    const std::vector<DeviceFacts> devices{device(9_GiB, 300e9), device(9_GiB, 300e9)};
    const auto placed = place(model, devices, Policy::balanced);
    ASSERT_TRUE(placed);
    EXPECT_EQ(layers_with_experts_away(*placed), 16U);
}

TEST(Planner, AFasterDeviceGetsMoreExperts) {
    const ModelFacts model = model_from_text("8x(attn 20MiB expert*8 100MiB); used 4");
    const std::vector<DeviceFacts> devices{device(20_GiB, 300e9), device(20_GiB, 900e9)};
    const auto placed = place(model, devices, Policy::fastest);
    ASSERT_TRUE(placed);
    EXPECT_GT(experts_on(*placed, 2)[1], experts_on(*placed, 2)[0]);
}

TEST(Planner, ADeviceWithoutRoomForALayerStillHoldsExperts) {
    const ModelFacts model = model_from_text("4x(attn 2GiB expert*4 200MiB)");
    std::vector<DeviceFacts> devices{device(9_GiB), device(1_GiB), device(2_GiB)};
    const auto placed = place(model, devices, Policy::balanced);
    ASSERT_TRUE(placed);
    EXPECT_GT(experts_on(*placed, 3)[1], 0U);
    EXPECT_THAT(placed->layer_device, testing::Each(DeviceId(0)));
}

TEST(Planner, AlternatingOverThreeDevicesDealsFromEachLayersHome) {
    const ModelFacts model = model_from_text("9x(attn 100MiB expert*7 10MiB)");
    const std::vector<DeviceFacts> devices(3, device(2_GiB));
    const auto placed = place(model, devices, Policy::alternate);
    ASSERT_TRUE(placed);
    EXPECT_THAT(placed->expert_device[0], testing::Each(placed->layer_device[0]));
    for (std::uint32_t l = 1; l < 9; ++l) {
        for (std::uint32_t e = 0; e < 7; ++e) {
            EXPECT_EQ(placed->expert_device[l][e],
                      DeviceId((placed->layer_device[l].value() + e) % 3));
        }
    }
}

TEST(Planner, AlternatingKeepsTheFirstLayerThatHasExpertsWhole) {
    const ModelFacts model = model_from_text("2x(attn 100MiB); 4x(attn 100MiB expert*4 10MiB)");
    const auto placed = place(model, {device(2_GiB), device(2_GiB)}, Policy::alternate);
    ASSERT_TRUE(placed);
    EXPECT_TRUE(placed->expert_device[0].empty());
    EXPECT_THAT(placed->expert_device[2], testing::Each(placed->layer_device[2]));
    EXPECT_NE(placed->expert_device[3][0], placed->expert_device[3][1]);
}

TEST(Planner, AlternatingDealsLayersByBudget) {
    const ModelFacts model = model_from_text("30x(attn 100MiB expert*2 1MiB)");
    const auto placed = place(model, {device(4_GiB), device(2_GiB)}, Policy::alternate);
    ASSERT_TRUE(placed);
    const auto first =
        std::count(placed->layer_device.begin(), placed->layer_device.end(), DeviceId(0));
    EXPECT_NEAR(static_cast<double>(first), 20, 1);
}

TEST(Planner, WholeLayersAreAsEvenAsTheyCanBe) {
    const ModelFacts model = model_from_text("10x(attn 100MiB expert*2 50MiB)");
    const auto placed = place(model, {device(4_GiB), device(4_GiB)}, Policy::layers);
    ASSERT_TRUE(placed);
    EXPECT_EQ(layers_with_experts_away(*placed), 0U);
    EXPECT_EQ(std::count(placed->layer_device.begin(), placed->layer_device.end(), DeviceId(0)), 5);
}

TEST(Planner, ADenseModelIsPlacedByEveryPolicy) {
    const ModelFacts model = model_from_text("8x(attn 100MiB kv 10MiB); output 50MiB");
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        const auto placed = place(model, {device(1_GiB), device(1_GiB)}, policy);
        ASSERT_TRUE(placed) << to_string(policy);
        EXPECT_EQ(placed->layer_device.size(), 8U);
        EXPECT_EQ(placed->expert_device.size(), 8U);
    }
}

TEST(Planner, OnlySoManyDevicesGetLayersAsTheRuntimeCanTake) {
    const ModelFacts model = model_from_text("12x(attn 100MiB expert*4 10MiB)");
    const std::vector<DeviceFacts> devices(6, device(800_MiB));
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        const auto placed = place(model, devices, policy, {.max_layer_devices = 3});
        ASSERT_TRUE(placed) << to_string(policy);
        EXPECT_LE(
            std::set<DeviceId>(placed->layer_device.begin(), placed->layer_device.end()).size(),
            3U);
    }
}

TEST(Planner, SaysHowManyBytesAreMissingWhere) {
    const ModelFacts model = model_from_text("attn 100MiB; output 20MiB");
    const auto placed = place(model, {device(100_MiB), device(50_MiB)}, Policy::balanced);
    ASSERT_FALSE(placed);
    EXPECT_EQ(placed.error().device, DeviceId(0));
    EXPECT_EQ(placed.error().missing, 20_MiB);
}

TEST(Planner, BalancedStaysWithinOneExpertOfAnEvenFillOnLargeModels) {
    const ModelFacts model = model_from_text(
        "3x(attn 300MiB kv 20MiB); 58x(attn 150MiB kv 20MiB expert*256 24MiB); output 500MiB; "
        "used 8");
    std::vector<DeviceFacts> devices;
    for (const Bytes budget : {60_GiB, 60_GiB, 80_GiB, 40_GiB, 60_GiB, 60_GiB, 30_GiB, 60_GiB}) {
        devices.push_back(device(budget));
        devices.back().compute = 300_MiB;
    }
    const auto placed = place(model, devices, Policy::balanced);
    ASSERT_TRUE(placed);
    std::vector<Bytes> bytes(devices.size());
    for (std::size_t l = 0; l < model.layers.size(); ++l) {
        bytes[placed->layer_device[l].value()] += model.layers[l].weights + model.layers[l].kv;
        for (const DeviceId on : placed->expert_device[l]) {
            bytes[on.value()] += model.layers[l].expert;
        }
    }
    bytes[placed->layer_device.back().value()] += model.output;
    double all = 0;
    double budgets = 0;
    for (std::size_t d = 0; d < devices.size(); ++d) {
        const bool layers =
            std::count(placed->layer_device.begin(), placed->layer_device.end(), DeviceId(d)) > 0;
        bytes[d] += layers ? devices[d].compute : 0_B;
        all += bytes[d].as_double();
        budgets += devices[d].budget.as_double();
    }
    for (std::size_t d = 0; d < devices.size(); ++d) {
        EXPECT_LE(bytes[d].as_double(),
                  all / budgets * devices[d].budget.as_double() + (24_MiB).as_double());
    }
}

TEST(Planner, TheSameRequestGivesTheSamePlacement) {
    const ModelFacts model = model_from_text("24x(attn 50MiB expert*16 30MiB); used 4");
    const std::vector<DeviceFacts> devices{device(5_GiB), device(4_GiB), device(6_GiB)};
    EXPECT_EQ(place(model, devices, Policy::fastest).value(),
              place(model, devices, Policy::fastest).value());
}

TEST(Policy, NamesAreReadBack) {
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        EXPECT_EQ(parse_policy(to_string(policy)).value(), policy);
    }
    EXPECT_EQ(parse_policy("greedy").error().code, ErrorCode::usage);
}

TEST(ExpertTime, TwoOfEightOnTwoDevicesMeetOnOneThreeTimesInSeven) {
    const std::vector<DeviceFacts> devices{device(1_GiB, 100), device(1_GiB, 100)};
    ExpertTime time(8, 2, Bytes(100), devices);
    Counts even{};
    even[0] = 4;
    even[1] = 4;
    EXPECT_NEAR(time.seconds(even), 1 + 3.0 / 7, 1e-12);
    Counts whole{};
    whole[1] = 8;
    EXPECT_NEAR(time.seconds(whole), 2, 1e-12);
}

TEST(Placement, SplitsLayersAndTheOutputAmongTheDevicesThatHaveLayers) {
    const Placement placement{{DeviceId(0), DeviceId(0), DeviceId(2)}, {{}, {}, {}}};
    EXPECT_EQ(layer_split(placement, 4), (std::vector<std::uint32_t>{2, 0, 2, 0}));
}

}  // namespace
}  // namespace hexcore::test
