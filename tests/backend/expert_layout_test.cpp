#include "hexcore/backend/experts/expert_layout.hpp"

#include <gtest/gtest.h>

#include <random>

#include "hexcore/backend/experts/expert_buffer.hpp"

namespace hexcore {
namespace {

/// Two layers with experts and one without; three products a layer, of different sizes.
Inventory three_layers(std::uint32_t n_experts) {
    Inventory inventory;
    inventory.n_layers = 3;
    inventory.n_experts = n_experts;
    for (const std::uint32_t layer : {0U, 2U}) {
        for (const auto& [name, slice] :
             {std::pair{"gate", 700_B}, std::pair{"up", 700_B}, std::pair{"down", 320_B}}) {
            TensorInfo tensor;
            tensor.name = fmt::format("blk.{}.ffn_{}_exps.weight", layer, name);
            tensor.role = TensorRole::expert;
            tensor.layer = LayerIndex(layer);
            tensor.n_experts = n_experts;
            tensor.bytes = slice * n_experts;
            inventory.tensors.push_back(tensor);
        }
    }
    return inventory;
}

Placement random_placement(std::uint32_t n_experts, std::size_t n_devices, std::uint32_t seed) {
    std::mt19937 random(seed);
    Placement placement;
    placement.layer_device = {DeviceId(0), DeviceId(0), DeviceId(n_devices - 1)};
    placement.expert_device.resize(3);
    for (const std::size_t layer : {0U, 2U}) {
        for (std::uint32_t e = 0; e < n_experts; ++e) {
            placement.expert_device[layer].push_back(
                DeviceId(static_cast<std::size_t>(random() % n_devices)));
        }
    }
    return placement;
}

TEST(ExpertLayout, KeepsShardsApartAlignedAndInsideTheirArena) {
    for (std::uint32_t seed = 0; seed < 50; ++seed) {
        const std::size_t n_devices = 1 + seed % 4;
        const Inventory inventory = three_layers(2 + seed % 7);
        const Placement placement = random_placement(inventory.n_experts, n_devices, seed);
        const ExpertLayout layout(inventory, placement, n_devices);
        std::vector<Bytes> end(n_devices * n_devices);
        for (const TensorInfo& info : inventory.tensors) {
            const ExpertLayout::Tensor* tensor = layout.find(info.name);
            ASSERT_NE(tensor, nullptr);
            const std::size_t home = tensor->map->home().value();
            for (std::size_t d = 0; d < n_devices; ++d) {
                const std::uint32_t count = tensor->map->count_on(DeviceId(d));
                if (count == 0) {
                    continue;
                }
                Bytes& previous = end[home * n_devices + d];
                EXPECT_GE(tensor->offset[d], previous);
                EXPECT_EQ(tensor->offset[d].count() % ExpertLayout::shard_alignment.count(), 0U);
                previous = tensor->offset[d] + Bytes(info.bytes.count() / info.n_experts * count);
                EXPECT_LE(previous + ExpertLayout::shard_slack,
                          layout.arena(DeviceId(home), DeviceId(d)));
            }
        }
    }
}

TEST(ExpertLayout, SumsToAllExpertsPlusAlignment) {
    const Inventory inventory = three_layers(8);
    const ExpertLayout layout(inventory, random_placement(8, 3, 1), 3);
    Bytes sum;
    for (std::size_t d = 0; d < 3; ++d) {
        sum += layout.on_device(DeviceId(d));
    }
    EXPECT_GE(sum, inventory.experts_bytes());
    EXPECT_LE(sum, inventory.experts_bytes() +
                       2 * 3 * 6 * (ExpertLayout::shard_slack + ExpertLayout::shard_alignment));
}

TEST(ExpertLayout, KnowsNothingOfOtherTensorsAndLayers) {
    const ExpertLayout layout(three_layers(4), random_placement(4, 2, 1), 2);
    EXPECT_EQ(layout.find("blk.1.ffn_up_exps.weight"), nullptr);
    EXPECT_EQ(layout.find("output.weight"), nullptr);
    EXPECT_EQ(layout.map_of(LayerIndex(1)), nullptr);
    EXPECT_EQ(layout.map_of(LayerIndex(9)), nullptr);
    EXPECT_NE(layout.map_of(LayerIndex(2)), nullptr);
}

TEST(ExpertMap, NumbersTheExpertsOfEachDeviceInOrder) {
    const ExpertMap map(DeviceId(1), {DeviceId(0), DeviceId(1), DeviceId(0), DeviceId(1)}, 3);
    EXPECT_EQ(map.local_of(0), 0U);
    EXPECT_EQ(map.local_of(1), 0U);
    EXPECT_EQ(map.local_of(2), 1U);
    EXPECT_EQ(map.local_of(3), 1U);
    EXPECT_EQ(map.count_on(DeviceId(2)), 0U);
    EXPECT_FALSE(map.whole());
    EXPECT_TRUE(ExpertMap(DeviceId(1), {DeviceId(1), DeviceId(1)}, 2).whole());
}

TEST(ShardSlices, CoverAnyRangeOnceAndNeverCrossAShard) {
    std::mt19937 random(3);
    const ExpertMap map(DeviceId(0), {DeviceId(0), DeviceId(1), DeviceId(1), DeviceId(0)}, 2);
    ShardedTensor tensor{&map, std::vector<ggml_tensor>(2)};
    ggml_tensor whole{};
    whole.nb[2] = 96;
    for (int i = 0; i < 200; ++i) {
        const std::size_t offset = random() % 384;
        const std::size_t size = random() % (384 - offset + 1);
        std::size_t next = offset;
        for (const ShardSlice& slice : slices_of(tensor, whole, offset, size)) {
            EXPECT_EQ(slice.tensor_offset, next);
            const std::size_t expert = slice.tensor_offset / 96;
            EXPECT_EQ(slice.shard, &tensor.shards[map.device_of(expert).value()]);
            EXPECT_EQ(slice.shard_offset, map.local_of(expert) * 96 + slice.tensor_offset % 96);
            EXPECT_LE(slice.shard_offset + slice.size, 192U);
            next += slice.size;
        }
        EXPECT_EQ(next, offset + size);
    }
}

}  // namespace
}  // namespace hexcore
