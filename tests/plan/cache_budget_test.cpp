#include "hexcore/plan/cache_budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hexcore/plan/kv_cache.hpp"
#include "requests.hpp"

namespace hexcore::test {
namespace {

using ::testing::HasSubstr;

// Mixtral's 32 layers have 8 heads of 128 elements for keys and values.
constexpr Bytes step_in_f16 = Bytes(32 * 2 * 8 * 128 * 2) * 256;

PlanRequest mixtral(std::uint32_t sequences = 1) {
    PlanRequest request = shape_request("mixtral-8x7b", {64_GiB, 64_GiB}, 0);
    request.context.sequences = sequences;
    return request;
}

/// A dry run of caches that take so much for each token and besides.
DryRun caches_of(Bytes token, Bytes besides, int* calls) {
    return [=](const Plan& plan) -> Result<DryRunUsage> {
        ++*calls;
        DryRunUsage usage;
        usage.devices.resize(plan.devices.size());
        usage.devices[0].kv = token * plan.context.tokens.value();
        usage.devices[0].recurrent = besides;
        return usage;
    };
}

TEST(CacheBudget, OneStepMoreWouldTakeMore) {
    for (const std::uint32_t sequences : {1U, 4U}) {
        const Bytes step = step_in_f16 * sequences;
        const auto exactly = longest_within(mixtral(sequences), step * 7);
        ASSERT_TRUE(exactly) << exactly.error().message;
        EXPECT_EQ(exactly->tokens, TokenCount(7 * 256 * sequences));
        EXPECT_EQ(longest_within(mixtral(sequences), step * 7 - 1_B)->tokens,
                  TokenCount(6 * 256 * sequences));
        EXPECT_EQ(longest_within(mixtral(sequences), step * 8 - 1_B)->tokens,
                  TokenCount(7 * 256 * sequences));
    }
}

TEST(CacheBudget, TooLittleForOneStepIsRefusedWithWhatThatTakes) {
    const auto found = longest_within(mixtral(), step_in_f16 - 1_B);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(found.error().message, HasSubstr("256 tokens (256 for each sequence), takes 32.0"));
    EXPECT_EQ(found.error().remedies.front().value, "32MiB");
    EXPECT_FALSE(longest_within(mixtral(), 0_B));
}

TEST(CacheBudget, AFewTriesAreEnoughWhereFormulasAreWrong) {
    for (const Bytes token : {100_B, 131'072_B, 1'000'000_B}) {
        for (const Bytes besides : {0_B, 50_MiB}) {
            int calls = 0;
            const Bytes budget = besides + token * 10 * 256 + 77_B;
            const auto found = longest_within(mixtral(), budget, caches_of(token, besides, &calls));
            ASSERT_TRUE(found) << found.error().message;
            EXPECT_EQ(found->tokens, TokenCount(2560)) << token.count();
            EXPECT_LE(calls, 8);
        }
    }
}

TEST(CacheBudget, WhereTokensCostNothingItIsTheTrainedContext) {
    PlanRequest request = mixtral(2);
    for (LayerProfile& layer : request.model.layers) {
        layer.attention = {};
    }
    int calls = 0;
    const auto found = longest_within(request, 64_MiB, caches_of(0_B, 1_MiB, &calls));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->tokens, TokenCount(2 * 32768));
    EXPECT_FALSE(longest_within(request, 1_MiB - 1_B, caches_of(0_B, 1_MiB, &calls)));
}

TEST(CacheBudget, AQuantisedCacheHasMoreTokens) {
    PlanRequest request = mixtral();
    request.context.kv_type = KvType::q8_0;
    EXPECT_EQ(longest_within(request, step_in_f16 * 17)->tokens, TokenCount(32 * 256));
}

TEST(CacheBudget, SaysWhyItIsNotLonger) {
    EXPECT_EQ(longest_within(mixtral(), 300_MiB)->sentence,
              "A KV cache of at most 300 MiB has room for 2304 tokens, which take 288 MiB; 2560 "
              "tokens would take 320 MiB.");
}

}  // namespace
}  // namespace hexcore::test
