#include "hexcore/model/merged_adapter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace hexcore {
namespace {

using ::testing::HasSubstr;
using ChosenSet = std::vector<ChosenAdapter>;

/// Over a query of 64 x 32 and four experts of 64 x 96.
AdapterFile adapter_of(const std::string& content, std::uint32_t rank,
                       const std::string& type = "f32") {
    const auto half = [&](const std::string& name, std::array<std::int64_t, 4> shape) {
        const auto elements = static_cast<std::uint64_t>(shape[0] * shape[1] * shape[2] * shape[3]);
        TensorInfo info;
        info.name = name;
        info.type = type;
        info.shape = shape;
        info.bytes = Bytes(elements * (type == "f32" ? 4 : 2));
        return info;
    };
    AdapterFile file;
    file.path = content + ".gguf";
    file.content = content;
    file.name = content;
    file.architecture = "llama";
    file.alpha = 16;
    for (const auto& [name, rows, experts] : {std::tuple("blk.0.attn_q.weight", 32, 1),
                                              std::tuple("blk.1.ffn_up_exps.weight", 96, 4)}) {
        AdapterPair pair;
        pair.base = name;
        pair.rank = rank;
        pair.n_experts = experts == 1 ? 0 : 4;
        pair.role = experts == 1 ? TensorRole::attention : TensorRole::expert;
        pair.a = half(pair.base + ".lora_a", {64, rank, experts, 1});
        pair.b = half(pair.base + ".lora_b", {rank, rows, experts, 1});
        file.pairs.push_back(pair);
    }
    return file;
}

ChosenSet set_of(std::initializer_list<std::pair<const char*, float>> adapters) {
    ChosenSet set;
    for (const auto& [content, scale] : adapters) {
        set.push_back({adapter_of(content, 4), scale});
    }
    return set;
}

std::vector<std::string> keys(const ChosenSet& set) {
    std::vector<std::string> keys;
    for (const ChosenAdapter& one : set) {
        keys.push_back(one.key());
    }
    return keys;
}

ChosenSet merged(const std::vector<ChosenSet>& sets, const std::vector<double>& weights) {
    auto result = merged_adapters(sets, weights);
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return *std::move(result);
}

TEST(MergedAdapter, OfEqualSetsIsThatSet) {
    const ChosenSet two = set_of({{"b", 0.5F}, {"a", 2.0F}});
    EXPECT_EQ(keys(merged({two}, {1.0})), keys(two));
    EXPECT_EQ(keys(merged({two, two, two}, {0.1, 0.2, 0.7})), keys(two));
    EXPECT_EQ(keys(merged({two, set_of({{"c", 1.0F}}), two}, {0.4, 0.0, 0.6})), keys(two));
    EXPECT_TRUE(merged({{}, {}}, {0.5, 0.5}).empty());
    EXPECT_TRUE(merged({}, {}).empty());
}

TEST(MergedAdapter, OfOneAdapterIsItWithAnotherScale) {
    const ChosenSet one = set_of({{"a", 2.0F}});
    EXPECT_EQ(keys(merged({one, {}}, {0.25, 0.75})), (std::vector<std::string>{"a*0.5"}));
    EXPECT_EQ(keys(merged({one, set_of({{"a", 1.0F}})}, {0.3, 0.7})),
              (std::vector<std::string>{"a*1.3"}));
    EXPECT_TRUE(merged({one, set_of({{"a", -2.0F}})}, {0.5, 0.5}).empty());
}

TEST(MergedAdapter, JoinsTheRanksOfWhatIsDifferent) {
    const ChosenSet sum =
        merged({set_of({{"b", 1.0F}, {"a", 3.0F}}), set_of({{"b", 1.0F}})}, {0.25, 0.75});
    ASSERT_EQ(sum.size(), 1U);
    const AdapterFile& file = sum.front().file;
    EXPECT_EQ(sum.front().scale, 1.0F);
    EXPECT_EQ(keys(file.parts), (std::vector<std::string>{"a*0.75", "b*1"}));
    EXPECT_EQ(file.name, "a + b");
    EXPECT_EQ(file.architecture, "llama");
    EXPECT_EQ(file.alpha, 0.0F);
    EXPECT_EQ(file.rank(), 8U);
    ASSERT_EQ(file.pairs.size(), 2U);
    const AdapterPair& experts = file.pairs[1];
    EXPECT_EQ(experts.n_experts, 4U);
    EXPECT_EQ(experts.a.shape, (std::array<std::int64_t, 4>{64, 8, 4, 1}));
    EXPECT_EQ(experts.b.shape, (std::array<std::int64_t, 4>{8, 96, 4, 1}));
    EXPECT_EQ(experts.bytes(), Bytes((64 + 96) * 8 * 4 * 4));
}

TEST(MergedAdapter, TheOrderOfTheSetsChangesNothingAndAnyWeightDoes) {
    const ChosenSet a = set_of({{"a", 1.0F}});
    const ChosenSet b = set_of({{"b", 1.0F}});
    const auto content = [](const ChosenSet& set) { return set.front().file.content; };
    const std::string one = content(merged({a, b}, {0.25, 0.75}));
    EXPECT_EQ(content(merged({b, a}, {0.75, 0.25})), one);
    EXPECT_NE(content(merged({a, b}, {0.75, 0.25})), one);
    EXPECT_NE(content(merged({a, b}, {0.25, 0.7500001})), one);
}

TEST(MergedAdapter, KeepsTheTypeOfAAndHasBInF32) {
    const auto types = [&](const char* first, const char* second) {
        const ChosenSet sum = merged(
            {{{adapter_of("a", 4, first), 1.0F}}, {{adapter_of("b", 2, second), 1.0F}}}, {1, 1});
        const AdapterPair& query = sum.front().file.pairs.front();
        EXPECT_EQ(query.rank, 6U);
        EXPECT_EQ(query.b.type, "f32");
        EXPECT_EQ(query.b.bytes, Bytes(6 * 32 * 4));
        return std::pair(query.a.type, query.a.bytes.count());
    };
    EXPECT_EQ(types("f16", "f16"), std::pair(std::string("f16"), std::uint64_t{6 * 64 * 2}));
    EXPECT_EQ(types("f16", "f32"), std::pair(std::string("f32"), std::uint64_t{6 * 64 * 4}));
}

TEST(MergedAdapter, RanksHaveALimit) {
    const ChosenSet a{{adapter_of("a", max_merged_rank - 1), 1.0F}};
    EXPECT_EQ(merged({a, {{adapter_of("b", 1), 1.0F}}}, {1, 1}).front().file.rank(),
              max_merged_rank);
    const auto refused = merged_adapters(std::vector<ChosenSet>{a, {{adapter_of("b", 2), 1.0F}}},
                                         std::vector{1., 1.});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(refused.error().message, HasSubstr("add up to 4097"));
}

}  // namespace
}  // namespace hexcore
