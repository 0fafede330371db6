#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "ggml.h"
#include "hexcore/model/merged_adapter.hpp"
#include "hexcore/runtime/adapter_numbers.hpp"
#include "hexcore/runtime/dry_run.hpp"
#include "runtime/loaded_model.hpp"
#include "support/known_adapter.hpp"
#include "support/tiny_adapter.hpp"

// Merged adapters: what is read of them, and that one pass with them is the weighted sum.

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;
using ChosenSet = std::vector<ChosenAdapter>;

class MergedLoad : public LoadedModelTest {
protected:
    MergedLoad() { write({.n_experts = 8, .n_used = 3}); }

    ChosenSet read_set(const std::vector<AdapterWish>& wishes) const {
        auto adapters = read_adapters(wishes, inventory_);
        EXPECT_TRUE(adapters.has_value()) << adapters.error().message;
        return *std::move(adapters);
    }
    /// One over everything, or over the experts alone.
    ChosenSet random_set(std::uint32_t seed, std::int64_t rank, float scale = 1,
                         std::string_view part = "") {
        auto path = folder_.path() / fmt::format("random{}.gguf", seed);
        write_tiny_adapter(
            path, inventory_,
            [&](std::string_view name) { return name.find(part) != std::string_view::npos; }, rank,
            seed);
        return read_set({{path, scale}});
    }
    static ChosenSet merged(const std::vector<ChosenSet>& sets,
                            const std::vector<double>& weights) {
        auto result = merged_adapters(sets, weights);
        EXPECT_TRUE(result.has_value()) << result.error().message;
        return *std::move(result);
    }
    static LoadOptions options_with(const ChosenSet& adapters) {
        LoadOptions options = load_options();
        options.context.threads = 1;
        options.context.adapters = adapters;
        return options;
    }
    std::vector<float> outputs_with(const Plan& plan, const ChosenSet& adapters,
                                    std::size_t count = 12) {
        auto model = LoadedModel::load(*machine_, inventory_, plan, options_with(adapters));
        EXPECT_TRUE(model.has_value()) << model.error().message;
        const auto outputs = planned_outputs(
            *model, {.tokens = tokens_for(count, 128), .threads = 2, .adapters = adapters});
        EXPECT_TRUE(outputs.has_value()) << outputs.error().message;
        return *outputs;
    }
    static double difference(const std::vector<float>& one, const std::vector<float>& other) {
        return compare_outputs(one, other, {.tokens = {0}}).max_relative_error;
    }
};

TEST_F(MergedLoad, AddsTheWeightedSumOfWhatIsKnownOfItsPartsToTheLogits) {
    make_machine(2);
    const Plan plan = random_plan(23);
    const auto known = [&](const char* name, float scale, const std::vector<LogitShift>& shifts) {
        const auto path = folder_.path() / name;
        write_known_adapter(path, path_, inventory_, shifts);
        return read_set({{path, scale}});
    };
    const ChosenSet first = known("one.gguf", 2, {{5, 7, 0.5F}, {9, 3, -1}});
    const ChosenSet second = known("two.gguf", 1, {{11, 7, 3}});
    const auto without = outputs_with(plan, {});
    const auto with = outputs_with(plan, merged({first, second}, {0.3, 0.7}));
    for (std::size_t i = 0; i < with.size(); ++i) {
        const float* row = &without[i / 128 * 128];
        const float more = i % 128 == 7   ? 0.3F * row[5] + 0.7F * 3 * row[11]
                           : i % 128 == 3 ? -0.6F * row[9]
                                          : 0.0F;
        EXPECT_NEAR(with[i], without[i] + more, 1e-5F) << i;
    }
}

TEST_F(MergedLoad, OfAdaptersOverEverythingComputesTheirSumAndInNoOrderOtherBits) {
    const ChosenSet whole = random_set(3, 4, 0.5F);
    const ChosenSet wider = random_set(4, 7);
    const ChosenSet experts = random_set(5, 2, -1, "_exps");
    for (const std::size_t n_devices : {1U, 3U}) {
        make_machine(n_devices);
        const Plan plan = random_plan(17);
        const ChosenSet separate{
            {whole[0].file, 0.1F}, {wider[0].file, 0.5F}, {experts[0].file, -0.3F}};
        const auto sum = outputs_with(plan, merged({whole, wider, experts}, {0.2, 0.5, 0.3}));
        EXPECT_LT(difference(sum, outputs_with(plan, separate)), 1e-5);
        EXPECT_GT(difference(sum, outputs_with(plan, {})), 1e-3);
        EXPECT_EQ(sum, outputs_with(plan, merged({experts, whole, wider}, {0.3, 0.2, 0.5})));
        expect_empty_devices();
    }
}

TEST_F(MergedLoad, OfOneOrOfEqualsHasItsBits) {
    make_machine(2);
    const Plan plan = random_plan(29);
    const ChosenSet one = random_set(6, 4, 0.75F);
    const auto bits = outputs_with(plan, one);
    EXPECT_EQ(outputs_with(plan, merged({one}, {1.0})), bits);
    EXPECT_EQ(outputs_with(plan, merged({one, one, one}, {0.2, 0.3, 0.5})), bits);
    EXPECT_EQ(outputs_with(plan, merged({one, random_set(7, 4)}, {1.0, 0.0})), bits);
}

TEST_F(MergedLoad, PlannedIsAccountedToTheByteAndComputingTakesNoMore) {
    make_machine(3);
    const Plan plan = random_plan(19);
    const std::vector<ChosenSet> sets{random_set(8, 4), random_set(9, 6, 0.5F)};
    LoadOptions options = options_with({});
    options.context.more_adapters = {sets[0], merged(sets, {0.5, 0.5})};
    const auto planned = make_dry_run(*machine_, inventory_, options.context)(plan);
    ASSERT_TRUE(planned.has_value()) << planned.error().message;
    auto model = LoadedModel::load(*machine_, inventory_, plan, options);
    ASSERT_TRUE(model.has_value()) << model.error().message;
    LoadedModel in_merged = model->in_context(2);
    const auto expect_planned = [&] {
        for (std::size_t i = 0; i < machine_->size(); ++i) {
            EXPECT_EQ(machine_->device(DeviceId(i)).memory().accounted(), planned->devices[i]) << i;
        }
        EXPECT_EQ(in_merged.host_usage(), planned->host);
    };
    expect_planned();
    ASSERT_TRUE(planned_outputs(in_merged, {.tokens = tokens_for(300, 128), .threads = 2}));
    expect_planned();
    // Other weights take the same, in place of these.
    ASSERT_TRUE(in_merged.apply(merged(sets, {0.9, 0.1})));
    expect_planned();
    ASSERT_TRUE(in_merged.apply(sets[0]));
    EXPECT_LT(machine_->device(DeviceId(0)).memory().accounted().adapters,
              planned->devices[0].adapters);
}

TEST_F(MergedLoad, WhatIsWrongWithAPartIsSaidByItsName) {
    make_machine(2);
    const Plan plan = random_plan(31);
    const ChosenSet one = random_set(10, 4);
    ChosenSet other = random_set(11, 4);
    const auto refused = [&](const ChosenSet& adapters) {
        const auto model = LoadedModel::load(*machine_, inventory_, plan, options_with(adapters));
        EXPECT_FALSE(model.has_value());
        expect_empty_devices();
        return model ? Error{} : model.error();
    };
    const Error too_large = refused(merged({one, {{other[0].file, 3e38F}}}, {1, 1}));
    EXPECT_EQ(too_large.code, ErrorCode::bad_input);
    EXPECT_THAT(too_large.message, HasSubstr("too large for a number"));
    const ChosenSet sum = merged({one, other}, {0.5, 0.5});
    std::filesystem::remove(other[0].file.path);
    const Error gone = refused(sum);
    EXPECT_EQ(gone.code, ErrorCode::bad_input);
    EXPECT_THAT(gone.message, HasSubstr("random11.gguf: cannot be opened"));
}

/// An adapter of halves in a type, filled with numbers that are exact in it; and the numbers.
struct Typed {
    std::filesystem::path path;
    std::map<std::string, std::vector<float>> numbers;
};

Typed write_typed(const std::filesystem::path& path, std::int64_t rank, ggml_type type,
                  std::uint32_t seed) {
    GgufBuilder file;
    file.key("general.type", "adapter")
        .key("general.architecture", "llama")
        .key("adapter.type", "lora")
        .key_f32("adapter.lora.alpha", static_cast<float>(2 * rank));
    const std::vector<std::pair<std::string, std::vector<std::int64_t>>> halves{
        {"token_embd.weight.lora_a", {rank, 128}},
        {"token_embd.weight.lora_b", {rank, 64}},
        {"blk.0.attn_k.weight.lora_a", {64, rank}},
        {"blk.0.attn_k.weight.lora_b", {rank, 32}},
        {"blk.1.ffn_down_exps.weight.lora_a", {96, rank, 8}},
        {"blk.1.ffn_down_exps.weight.lora_b", {rank, 64, 8}}};
    Typed typed{path, {}};
    std::mt19937 random(seed);
    std::string data;
    for (const auto& [name, shape] : halves) {
        file.tensor(name, shape, static_cast<std::uint32_t>(type));
        std::vector<float>& numbers = typed.numbers[name];
        numbers.resize(static_cast<std::size_t>(shape[0] * shape[1] *
                                                (shape.size() > 2 ? shape[2] : std::int64_t{1})));
        for (float& number : numbers) {
            number = static_cast<float>(static_cast<int>(random() % 255) - 127);
        }
        std::string raw(ggml_row_size(type, static_cast<std::int64_t>(numbers.size())), '\0');
        ggml_quantize_chunk(type, numbers.data(), raw.data(), 0,
                            static_cast<std::int64_t>(numbers.size()) / shape[0], shape[0],
                            nullptr);
        if (const auto to_float = ggml_get_type_traits(type)->to_float) {
            to_float(raw.data(), numbers.data(), static_cast<std::int64_t>(numbers.size()));
        }
        raw.resize(GgufBuilder::padded(raw.size()));
        data += raw;
    }
    std::string bytes = file.bytes();
    bytes.replace(bytes.size() - data.size(), data.size(), data);
    GgufBuilder::write_file(path, bytes);
    return typed;
}

TEST_F(MergedLoad, NumbersAreStackedByTokenRowAndExpertInWhateverTypesTheyCome) {
    const std::array<ggml_type, 3> types{GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_Q8_0};
    for (const auto& [first, second] :
         {std::pair(0, 0), std::pair(0, 1), std::pair(1, 1), std::pair(2, 2), std::pair(1, 2)}) {
        SCOPED_TRACE(fmt::format("{} and {}", first, second));
        const Typed a = write_typed(folder_.path() / "a.gguf", 32, types[first], 1);
        const Typed b = write_typed(folder_.path() / "b.gguf", 64, types[second], 2);
        const ChosenSet sets[] = {read_set({{a.path}}), read_set({{b.path}})};
        // Alpha over rank is 2: by what B is multiplied is exact.
        const ChosenSet sum = merged({sets[0], sets[1]}, {0.5, 1.5});
        const AdapterFile& file = sum.front().file;
        const bool a_first = sets[0][0].file.content < sets[1][0].file.content;
        const auto numbers = AdapterNumbers::open(file, nullptr);
        ASSERT_TRUE(numbers.has_value()) << numbers.error().message;
        ASSERT_EQ(file.pairs.size(), 3U);
        for (const AdapterPair& pair : file.pairs) {
            for (const TensorInfo* half : {&pair.a, &pair.b}) {
                SCOPED_TRACE(half->name);
                std::vector<std::byte> raw(half->bytes.count());
                const auto put = [&](std::size_t at, std::span<const std::byte> data) {
                    ASSERT_LE(at + data.size(), raw.size());
                    std::ranges::copy(data, raw.begin() + static_cast<std::ptrdiff_t>(at));
                };
                const auto nowhere = [](std::size_t, std::span<const std::byte>) {};
                const bool is_a = half == &pair.a;
                ASSERT_TRUE(is_a ? numbers->read(pair, put, nowhere)
                                 : numbers->read(pair, nowhere, put));
                const auto type = static_cast<ggml_type>(ggml_type_of(*half));
                std::vector<float> read(raw.size() / ggml_type_size(type) *
                                        static_cast<std::size_t>(ggml_blck_size(type)));
                if (const auto to_float = ggml_get_type_traits(type)->to_float) {
                    to_float(raw.data(), read.data(), static_cast<std::int64_t>(read.size()));
                } else {
                    std::memcpy(read.data(), raw.data(), raw.size());
                }
                // What is joined: a rank's columns of each row, or rows of each expert.
                const bool by_rows = !is_a || pair.role == TensorRole::embedding;
                const std::size_t width = by_rows ? 1 : static_cast<std::size_t>(half->shape[0]);
                std::vector<float> expected;
                for (std::size_t at = 0; expected.size() < read.size(); ++at) {
                    for (const bool now_a : {a_first, !a_first}) {
                        const auto& from = (now_a ? a : b).numbers.at(half->name);
                        const std::size_t chunk = (now_a ? 32U : 64U) * width;
                        const float factor = is_a ? 1.0F : now_a ? 1.0F : 3.0F;
                        for (std::size_t i = at * chunk; i < (at + 1) * chunk; ++i) {
                            expected.push_back(factor * from.at(i));
                        }
                    }
                }
                EXPECT_EQ(read, expected);
            }
        }
    }
}

}  // namespace
}  // namespace hexcore::test
