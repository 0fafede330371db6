#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exact_sizes.hpp"
#include "hexcore/plan/planning_rounds.hpp"

namespace hexcore::test {
namespace {

constexpr Policy policies[] = {Policy::balanced, Policy::fastest, Policy::alternate,
                               Policy::layers};

/// Gives each device `percent` of what a plan with the present budgets takes there.
void tighten(PlanRequest& request, const DryRun& dry_run, std::uint32_t percent) {
    const Result<Plan> ample = make_plan(request, dry_run);
    ASSERT_TRUE(ample) << ample.error().message;
    for (std::size_t d = 0; d < request.devices.size(); ++d) {
        const Bytes taken = ample->devices[d].planned.total();
        request.devices[d].budget = Bytes(taken.count() * percent / 100);
    }
}

TEST(TightBudgets, WhatAPlanWithEqualAmpleBudgetsTookIsFoundWithinTwelveDryRuns) {
    for (std::uint32_t seed = 0; seed < 400; ++seed) {
        ExactCase made = exact_case(seed, 8, 8);
        PlanRequest& request = made.request;
        request.policy = policies[seed % 4];
        for (DeviceFacts& device : request.devices) {
            device.budget = 1_GiB;
        }
        const DryRun dry_run = made.sizes.dry_run(request.model);
        tighten(request, dry_run, 100);
        int calls = 0;
        const DryRun counted = [&](const Plan& plan) {
            ++calls;
            return dry_run(plan);
        };
        const Result<RoundsOutcome> found = [&] {
            Trials trials(counted);
            return run_rounds(completed(request).value(), trials, Rounds::careful);
        }();
        EXPECT_TRUE(found && *found) << "seed " << seed;
        EXPECT_LE(calls, 12) << "seed " << seed;
    }
}

/// The number of bytes that a message says are missing, and the device.
std::pair<Bytes, std::size_t> missing_in(const std::string& message) {
    const std::size_t end = message.find(" bytes (");
    const std::size_t begin = message.rfind(' ', end - 1) + 1;
    const std::size_t device = message.find("are missing on host", end) + 19;
    return {Bytes(std::stoull(message.substr(begin, end - begin))),
            static_cast<std::size_t>(message[device] - '0')};
}

TEST(TightBudgets, BytesThatAreMissingAreEnoughAndOneLessIsNotUnlessCalledAnEstimate) {
    std::uint32_t measured = 0;
    for (std::uint32_t seed = 0; seed < 120; ++seed) {
        ExactCase made = exact_case(seed, 4, 4);
        PlanRequest& request = made.request;
        request.policy = policies[seed % 4];
        const DryRun dry_run = made.sizes.dry_run(request.model);
        tighten(request, dry_run, 60 + seed % 35);
        const Result<Plan> refused = make_plan(request, dry_run);
        if (refused || refused.error().message.find("about ") != std::string::npos) {
            continue;
        }
        ++measured;
        const auto [missing, device] = missing_in(refused.error().message);
        request.devices[device].budget += missing;
        EXPECT_TRUE(make_plan(request, dry_run)) << "seed " << seed;
        request.devices[device].budget -= 1_B;
        EXPECT_FALSE(make_plan(request, dry_run)) << "seed " << seed;
    }
    EXPECT_GT(measured, 60U);
}

TEST(TightBudgets, AnotherPolicyIsSaidToFitExactlyWhereItDoes) {
    std::uint32_t compared = 0;
    for (std::uint32_t seed = 0; seed < 120; ++seed) {
        ExactCase made = exact_case(seed, 5, 6);
        PlanRequest& request = made.request;
        const DryRun dry_run = made.sizes.dry_run(request.model);
        tighten(request, dry_run, 100 + seed % 20);
        const Result<Plan> plan = make_plan(request, dry_run);
        if (!plan) {
            continue;
        }
        ++compared;
        for (const PolicyTime& time : plan->modelled) {
            request.policy = time.policy;
            EXPECT_EQ(make_plan(request, dry_run).has_value(), time.seconds.has_value())
                << "seed " << seed << ", " << to_string(time.policy);
        }
    }
    EXPECT_GT(compared, 100U);
}

}  // namespace
}  // namespace hexcore::test
