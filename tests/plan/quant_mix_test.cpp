#include "hexcore/plan/quant_mix.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>

#include "hexcore/plan/profile.hpp"

namespace hexcore {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

std::string_view type_in(const char* mix, MatrixUse use, std::uint32_t layer,
                         std::uint32_t n_experts) {
    return QuantMix::find(mix)
        .value()
        .type_of({.use = use, .layer = layer, .n_layers = 32, .n_experts = n_experts})
        .name;
}

TEST(QuantMix, IsFoundInAnyCaseAndListed) {
    for (const std::string& name : QuantMix::names()) {
        std::string lower = name;
        std::transform(lower.begin(), lower.end(), lower.begin(), ::tolower);
        EXPECT_TRUE(QuantMix::find(name).has_value()) << name;
        EXPECT_TRUE(QuantMix::find(lower).has_value()) << name;
    }
    EXPECT_THAT(QuantMix::names(), Contains("Q4_K_M"));
    const auto unknown = QuantMix::find("Q9_K_M");
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error().code, ErrorCode::usage);
}

TEST(QuantMix, APureTypeIsTheSameEverywhere) {
    for (const auto use : {MatrixUse::output, MatrixUse::attention_k, MatrixUse::ffn_down}) {
        EXPECT_EQ(type_in("q4_K", use, 0, 8), "q4_K");
    }
}

TEST(QuantMix, Q4KMGivesHalfOfTheLayersMoreBits) {
    std::vector<std::uint32_t> more;
    for (std::uint32_t layer = 0; layer < 32; ++layer) {
        if (type_in("Q4_K_M", MatrixUse::ffn_down, layer, 64) == "q6_K") {
            more.push_back(layer);
        }
    }
    EXPECT_EQ(more, (std::vector<std::uint32_t>{0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29,
                                                30, 31}));
    EXPECT_EQ(type_in("Q4_K_M", MatrixUse::attention_v, 4, 64), "q4_K");
    EXPECT_EQ(type_in("Q4_K_M", MatrixUse::attention_v, 4, 8), "q8_0");
    EXPECT_EQ(type_in("Q4_K_M", MatrixUse::attention_output, 4, 8), "q5_K");
    EXPECT_EQ(type_in("Q4_K_M", MatrixUse::output, 0, 64), "q6_K");
    EXPECT_EQ(type_in("Q4_K_M", MatrixUse::input, 0, 64), "q4_K");
}

/// Sizes of files that people publish, in GB.
TEST(QuantMix, GivesTheSizesOfPublishedFiles) {
    const auto size = [](const char* shape, const char* mix) {
        return profile_from_shape(shape, mix).value().total.as_double() / 1e9;
    };
    EXPECT_NEAR(size("mixtral-8x7b", "Q4_K_M"), 28.45, 0.01);
    EXPECT_NEAR(size("mixtral-8x7b", "Q5_K_M"), 33.23, 0.01);
    EXPECT_NEAR(size("mixtral-8x7b", "Q3_K_M"), 22.55, 0.01);
    EXPECT_NEAR(size("mixtral-8x7b", "Q4_K_S"), 26.75, 0.01);
    EXPECT_NEAR(size("qwen3-30b-a3b", "Q4_K_M"), 18.56, 0.01);
    EXPECT_NEAR(size("olmoe-1b-7b", "Q4_K_M"), 4.21, 0.01);
}

TEST(QuantMix, SaysWhatTheSizesAreOf) {
    EXPECT_THAT(QuantMix::find("q4_k_m").value().sentence(), HasSubstr("llama-quantize"));
    EXPECT_THAT(QuantMix::find("Q4_K").value().sentence(), HasSubstr("ask for Q4_K_M"));
    EXPECT_EQ(QuantMix::find("q8_0").value().sentence(),
              "Sizes are those of all matrices in q8_0.");
}

}  // namespace
}  // namespace hexcore
