#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hexcore/plan/kv_cache.hpp"
#include "requests.hpp"

namespace hexcore::test {
namespace {

TEST(FitContext, OneStepMoreWouldNotFit) {
    for (const std::uint32_t sequences : {1U, 3U}) {
        PlanRequest request = shape_request("mixtral-8x7b", {14_GiB, 14_GiB}, 0);
        request.context.sequences = sequences;
        const Result<Plan> plan = fit_context(request);
        ASSERT_TRUE(plan) << plan.error().message;
        const std::uint32_t tokens = plan->context.tokens.value();
        EXPECT_EQ(tokens % (256 * sequences), 0U);
        EXPECT_LT(tokens, 32768U);
        request.context.tokens = TokenCount(tokens);
        EXPECT_TRUE(make_plan(request));
        request.context.tokens = TokenCount(tokens + 256 * sequences);
        EXPECT_FALSE(make_plan(request));
    }
}

TEST(FitContext, StopsAtTheTrainedContextAndAtTheGivenOne) {
    const Result<Plan> trained = fit_context(shape_request("mixtral-8x7b", {64_GiB}, 0));
    ASSERT_TRUE(trained);
    EXPECT_EQ(trained->context.tokens, TokenCount(32768));
    EXPECT_EQ(trained->explanation.front(),
              "32768 tokens, the longest context that the model was trained for, fits.");
    const Result<Plan> given = fit_context(shape_request("mixtral-8x7b", {64_GiB}, 5000));
    ASSERT_TRUE(given);
    EXPECT_EQ(given->context.tokens, TokenCount(4864));
    EXPECT_EQ(given->explanation.front(), "4864 tokens, the longest context asked for, fits.");
}

TEST(FitContext, TriesEveryProbeOutWhereItCan) {
    PlanRequest request = shape_request("mixtral-8x7b", {14_GiB, 14_GiB}, 0);
    int calls = 0;
    const Result<Plan> roomy = fit_context(request, dry_run_with(0_B, &calls));
    const Result<Plan> tight = fit_context(request, dry_run_with(400_MiB));
    ASSERT_TRUE(roomy && tight);
    EXPECT_GT(calls, 4);
    EXPECT_EQ(tight->basis, Basis::dry_run);
    EXPECT_LT(tight->context.tokens, roomy->context.tokens);
}

/// A dry run that finds a sliding window of 4096 tokens in every second layer, which the request
/// only says that some layers have.
DryRun dry_run_with_windows(const ModelProfile& model) {
    return [model](const Plan& plan) -> Result<DryRunUsage> {
        const auto usage = dry_run_with(0_B)(plan);
        DryRunUsage exact = *usage;
        for (Usage& device : exact.devices) {
            device.kv = {};
        }
        for (std::size_t l = 0; l < model.layers.size(); ++l) {
            exact.devices[plan.placement.layer_device[l].value()].kv +=
                kv_cache_bytes(model.layers[l].attention, l % 2 == 0 ? 4096 : 0, plan.context);
        }
        return exact;
    };
}

TEST(FitContext, GainsWhatASlidingWindowFrees) {
    PlanRequest request = shape_request("mixtral-8x7b", {14_GiB, 14_GiB}, 1 << 20);
    const Result<Plan> full = fit_context(request, dry_run_with(0_B));
    request.model.some_sliding_window = 4096;
    const DryRun windows = dry_run_with_windows(request.model);
    const Result<Plan> plan = fit_context(request, windows);
    ASSERT_TRUE(full && plan);
    EXPECT_GT(plan->context.tokens.value(), full->context.tokens.value() * 3 / 2);
    EXPECT_EQ(plan->devices[0].planned.kv, windows(*plan)->devices[0].kv);
}

TEST(FitContext, SaysWhatIsMissingWhereNotEvenTheShortestFits) {
    const Result<Plan> plan = fit_context(shape_request("mixtral-8x7b", {8_GiB}, 0));
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(plan.error().message, testing::HasSubstr("256 tokens"));
}

TEST(FitContext, AnUnknownTrainedContextNeedsALimit) {
    PlanRequest request = shape_request("mixtral-8x7b", {64_GiB}, 0);
    request.model.n_ctx_train = 0;
    const Result<Plan> plan = fit_context(request);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::usage);
}

}  // namespace
}  // namespace hexcore::test
