#include "hexcore/runtime/value_check.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "ggml.h"

namespace hexcore::test {
namespace {

std::vector<std::byte> random_bytes(std::mt19937& random, std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) {
        byte = static_cast<std::byte>(random());
    }
    return bytes;
}

class Values : public ::testing::TestWithParam<ggml_type> {};

// Of random bits, one half-precision number in 32 is NaN or infinite.
TEST_P(Values, AreBadWhereGgmlSaysSo) {
    const ggml_type type = GetParam();
    const auto check = ValueCheck::of(ggml_type_name(type));
    ASSERT_TRUE(check.has_value());
    ASSERT_EQ(check->block_bytes(), ggml_type_size(type));
    std::mt19937 random(3);
    int n_bad = 0;
    ::testing::internal::CaptureStderr();  // ggml tells there what it finds
    for (int i = 0; i < 3000; ++i) {
        const auto block = random_bytes(random, ggml_type_size(type));
        const bool good = ggml_validate_row_data(type, block.data(), block.size());
        n_bad += good ? 0 : 1;
        EXPECT_EQ(check->first_bad_block(block).has_value(), !good) << i;
    }
    EXPECT_NE(::testing::internal::GetCapturedStderr(), "");
    EXPECT_GT(n_bad, 0);
    EXPECT_LT(n_bad, 3000);
}

INSTANTIATE_TEST_SUITE_P(OfEachType, Values,
                         ::testing::Values(GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_BF16,
                                           GGML_TYPE_Q4_0, GGML_TYPE_Q4_1, GGML_TYPE_Q5_0,
                                           GGML_TYPE_Q5_1, GGML_TYPE_Q8_0, GGML_TYPE_Q2_K,
                                           GGML_TYPE_Q3_K, GGML_TYPE_Q4_K, GGML_TYPE_Q5_K,
                                           GGML_TYPE_Q6_K, GGML_TYPE_IQ4_NL, GGML_TYPE_IQ4_XS,
                                           GGML_TYPE_IQ2_XS, GGML_TYPE_MXFP4),
                         [](const auto& type) { return std::string(ggml_type_name(type.param)); });

TEST(ValueCheck, SaysWhereTheFirstBadBlockBegins) {
    const auto check = ValueCheck::of("f32");
    ASSERT_TRUE(check.has_value());
    std::vector<float> numbers(1000, 1.5F);
    const auto bytes = std::as_bytes(std::span(numbers));
    EXPECT_FALSE(check->first_bad_block(bytes).has_value());
    numbers[700] = -std::numeric_limits<float>::infinity();
    numbers[900] = std::nanf("");
    EXPECT_EQ(check->first_bad_block(bytes), 700 * sizeof(float));
}

TEST(ValueCheck, IntegersHaveNothingToLookAt) {
    EXPECT_FALSE(ValueCheck::of("i32").has_value());
    EXPECT_FALSE(ValueCheck::of("no such type").has_value());
}

}  // namespace
}  // namespace hexcore::test
