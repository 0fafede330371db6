#include "hexcore/plan/shape.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "hexcore/plan/profile.hpp"
#include "hexcore/plan/quant_type.hpp"

namespace hexcore {
namespace {

class EveryShape : public testing::TestWithParam<std::string> {
protected:
    Shape shape = find_shape(GetParam()).value();
    ModelProfile profile = profile_from_shape(GetParam(), "q4_K").value();
};

TEST_P(EveryShape, HasAsManyParametersAsPublishedToWithinOnePercent) {
    const auto published = static_cast<double>(shape.published_parameters);
    EXPECT_NEAR(static_cast<double>(profile.parameters), published, published * 0.01);
}

TEST_P(EveryShape, NamesItsSource) { EXPECT_FALSE(shape_source(GetParam()).empty()); }

TEST_P(EveryShape, HasATrainedContextAndLayersWithExperts) {
    EXPECT_GT(profile.n_ctx_train, 0U);
    EXPECT_EQ(profile.layers.size(), shape.n_layers);
    EXPECT_EQ(profile.layers.front().n_experts > 0, shape.n_layers_dense == 0);
    EXPECT_EQ(profile.layers.back().n_experts, shape.n_experts);
}

TEST_P(EveryShape, WeighsTwoBytesAParameterInF16) {
    const ModelProfile f16 = profile_from_shape(GetParam(), "f16").value();
    EXPECT_NEAR(f16.total.as_double(), 2.0 * static_cast<double>(f16.parameters),
                0.01 * f16.total.as_double());
    ContextShape context;
    context.tokens = TokenCount(4096);
    EXPECT_EQ(facts_for(f16, context).total_bytes(), f16.total);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryShape, testing::ValuesIn(shape_names()),
                         [](const auto& tested) {
                             std::string name = tested.param;
                             std::replace(name.begin(), name.end(), '-', '_');
                             return name;
                         });

TEST(Shapes, AreTheSixBuiltInOnes) {
    EXPECT_THAT(shape_names(),
                testing::ElementsAre("deepseek-v3", "gpt-oss-120b", "mixtral-8x22b", "mixtral-8x7b",
                                     "olmoe-1b-7b", "qwen3-30b-a3b"));
}

TEST(Shapes, AnUnknownNameOrTypeListsTheKnownOnes) {
    const auto shape = profile_from_shape("mixtral", "q4_K");
    ASSERT_FALSE(shape);
    EXPECT_EQ(shape.error().code, ErrorCode::usage);
    EXPECT_THAT(shape.error().message, testing::HasSubstr("mixtral-8x7b"));
    const auto quant = profile_from_shape("mixtral-8x7b", "int4");
    ASSERT_FALSE(quant);
    EXPECT_EQ(quant.error().code, ErrorCode::usage);
    EXPECT_THAT(quant.error().message, testing::HasSubstr("q4_K"));
}

TEST(Shapes, OneMixtralExpertInQ4KIs94AndAHalfMiB) {
    const ModelProfile mixtral = profile_from_shape("mixtral-8x7b", "Q4_K").value();
    EXPECT_EQ(mixtral.layers[0].expert, Bytes(99090432));  // 3 * 4096 * 14336 * 144 / 256
}

TEST(QuantType, RowsThatAreNoWholeBlocksFallBackAsLlamaQuantizeDoes) {
    const QuantType q4_k = find_quant_type("q4_K").value();
    EXPECT_EQ(type_for_rows(q4_k, 4096).name, "q4_K");
    EXPECT_EQ(type_for_rows(q4_k, 2880).name, "q5_0");
    EXPECT_EQ(type_for_rows(find_quant_type("q6_K").value(), 2880).name, "q8_0");
    EXPECT_EQ(type_for_rows(find_quant_type("iq2_xs").value(), 2880).name, "iq4_nl");
    EXPECT_EQ(type_for_rows(q4_k, 100).name, "f16");
    EXPECT_EQ(matrix_bytes(q4_k, 4096, 10), Bytes(4096 / 256 * 144 * 10));
}

}  // namespace
}  // namespace hexcore
