#include "hexcore/plan/expert_cache.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "hexcore/plan/make_plan.hpp"
#include "requests.hpp"

namespace hexcore::test {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

/// A shape on one GPU and main memory, with a cache of that size.
PlanRequest cached_request(Bytes gpu, Bytes host, Bytes cache,
                           const std::string& shape = "mixtral-8x7b") {
    PlanRequest request = shape_request(shape, {gpu, host}, 4096);
    request.devices[0].name = "cuda:0";
    request.devices[0].kind = DeviceKind::cuda;
    request.devices[0].bandwidth_bytes_per_s =
        typical_speed(DeviceKind::cuda).bandwidth_bytes_per_s;
    request.expert_cache = cache;
    return request;
}

Bytes slot_of(const PlanRequest& request) { return expert_slot_size(request.model); }

TEST(ExpertCache, TakesWholeSlotsOfTheGpuWithinItsBudget) {
    const PlanRequest request = cached_request(12_GiB, 24_GiB, 1_GiB);
    const Result<Plan> plan = make_plan(request);
    ASSERT_TRUE(plan) << plan.error().message;
    const PlannedDevice& gpu = plan->devices[0];
    EXPECT_EQ(gpu.expert_cache_slots, (1_GiB).count() / slot_of(request).count());
    EXPECT_EQ(gpu.planned.expert_cache, slot_of(request) * gpu.expert_cache_slots);
    EXPECT_LE(gpu.planned.expert_cache, 1_GiB);
    EXPECT_LE(gpu.planned.total(), gpu.budget - gpu.reserve);
    EXPECT_EQ(plan->devices[1].planned.expert_cache, 0_B);
    EXPECT_EQ(plan->devices[1].expert_cache_slots, 0U);
    EXPECT_THAT(plan->explanation, Contains(HasSubstr("the expert cache has room for 10 of ")));
}

TEST(ExpertCache, ASlotIsEachPartWithTheAlignmentAndSlackOfAShard) {
    const PlanRequest request = cached_request(12_GiB, 24_GiB, 1_GiB);
    // Mixtral's gate, up and down in q4_K: 4096 x 14336 elements each, 144 bytes for 256.
    const Bytes part(std::uint64_t{4096} * 14336 / 256 * 144);
    EXPECT_EQ(slot_of(request), expert_part_size(part) * 3);
    EXPECT_EQ(expert_part_size(part).count() % expert_part_alignment.count(), 0U);
    EXPECT_GE(expert_part_size(part), part + expert_part_slack);
}

TEST(ExpertCache, IsPlannedWithTheExactNumbersOfADryRun) {
    const PlanRequest request = cached_request(12_GiB, 24_GiB, 1_GiB);
    const Result<Plan> plan = make_plan(request, dry_run_with(0_B));
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->basis, Basis::dry_run);
    EXPECT_GT(plan->devices[0].planned.expert_cache, 0_B);
}

TEST(ExpertCache, ThatNobodyAskedForChangesNothing) {
    const Result<Plan> plan = make_plan(cached_request(12_GiB, 24_GiB, 0_B));
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->devices[0].planned.expert_cache, 0_B);
    EXPECT_THAT(plan->explanation, testing::Each(testing::Not(HasSubstr("xpert cache"))));
}

TEST(ExpertCache, WithoutAGpuTakesNothingAndThePlanSaysSo) {
    PlanRequest request = shape_request("mixtral-8x7b", {20_GiB, 20_GiB}, 4096);
    request.expert_cache = 1_B;  // less than any expert, but there is nothing to hold one
    const Result<Plan> plan = make_plan(request);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->devices[0].planned.expert_cache, 0_B);
    EXPECT_THAT(plan->explanation, Contains(HasSubstr("No expert cache is planned")));
    EXPECT_THAT(plan->explanation, Contains(HasSubstr("there is no GPU among the devices")));
}

TEST(ExpertCache, WhereAllExpertsFitTheGpuTakesNothing) {
    PlanRequest request = cached_request(80_GiB, 24_GiB, 1_GiB);
    request.policy = Policy::fastest;
    const Result<Plan> plan = make_plan(request);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->devices[1].experts, 0U);
    EXPECT_EQ(plan->devices[0].planned.expert_cache, 0_B);
    EXPECT_THAT(plan->explanation,
                Contains(HasSubstr("no layer that is at home on a GPU has experts in main")));
}

TEST(ExpertCache, WholeLayersHaveNoExpertsAwayFromHome) {
    PlanRequest request = cached_request(12_GiB, 24_GiB, 1_GiB);
    request.policy = Policy::layers;
    const Result<Plan> plan = make_plan(request);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->devices[0].planned.expert_cache, 0_B);
}

TEST(ExpertCache, HasNoMoreSlotsThanThereAreExpertsInMainMemory) {
    const PlanRequest request = cached_request(60_GiB, 3_GiB, 30_GiB);
    const Result<Plan> plan = make_plan(request);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->devices[0].expert_cache_slots, cacheable_experts(*plan, 0));
    EXPECT_EQ(plan->devices[0].expert_cache_slots, cacheable_experts(*plan));
    EXPECT_EQ(plan->devices[0].planned.expert_cache,
              slot_of(request) * plan->devices[0].expert_cache_slots);
}

TEST(ExpertCache, OfLessThanOneExpertNamesTheLeast) {
    PlanRequest request = cached_request(12_GiB, 24_GiB, 1_B);
    request.expert_cache = slot_of(request) - 1_B;
    const Result<Plan> plan = make_plan(request);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::usage);
    EXPECT_THAT(plan.error().message,
                HasSubstr(fmt::format("({} bytes)", slot_of(request).count())));
    ASSERT_EQ(plan.error().remedies.size(), 1U);
    EXPECT_EQ(plan.error().remedies[0].change, Change::set_expert_cache);
    request.expert_cache = parse_bytes(plan.error().remedies[0].value).value();
    const Result<Plan> least = make_plan(request);
    ASSERT_TRUE(least) << least.error().message;
    EXPECT_EQ(least->devices[0].expert_cache_slots, 1U);
}

TEST(ExpertCache, ThatDoesNotFitIsAdvisedToBeSmaller) {
    // Main memory has no room for all layers, so some are at home on the GPU.
    PlanRequest request = cached_request(31_GiB, 3_GiB, 6_GiB);
    request.context.tokens = TokenCount(32768);
    const Result<Plan> plan = make_plan(request);
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::does_not_fit);
    const auto& remedies = plan.error().remedies;
    const auto smaller = std::find_if(remedies.begin(), remedies.end(), [](const Remedy& remedy) {
        return remedy.change == Change::set_expert_cache;
    });
    ASSERT_NE(smaller, remedies.end()) << plan.error().message;
    request.expert_cache = parse_bytes(smaller->value).value();
    EXPECT_LT(request.expert_cache, 6_GiB);
    const Result<Plan> advised = make_plan(request);
    EXPECT_TRUE(advised) << advised.error().message;
}

TEST(ExpertCache, ThatWouldSendAllLayersToMainMemoryIsLeftOut) {
    PlanRequest request = cached_request(12_GiB, 24_GiB, 11_GiB);
    request.devices[0].reserve = {};
    const Result<Plan> plan = make_plan(request);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_GT(plan->devices[0].layers, 0U);
    EXPECT_GT(cacheable_experts(*plan), 0U);
    request.expert_cache = {};
    EXPECT_EQ(plan->placement, make_plan(request)->placement)
        << "or there is one, and the test is for none";
    EXPECT_THAT(plan->explanation, Contains(HasSubstr("beside it no layer has room on a GPU")));
}

TEST(ExpertCache, OfAPlanThatIsFollowedHoldsWhatItsBytesAreEnoughFor) {
    PlanRequest request = cached_request(12_GiB, 24_GiB, 1_GiB);
    Plan plan = make_plan(request).value();
    request.model = profile_from_shape("mixtral-8x7b", "q8_0").value();
    fit_expert_caches(request.model, plan);
    EXPECT_EQ(plan.devices[0].expert_cache_slots, 5U);
    EXPECT_EQ(plan.devices[0].planned.expert_cache, slot_of(request) * 5);
}

}  // namespace
}  // namespace hexcore::test
