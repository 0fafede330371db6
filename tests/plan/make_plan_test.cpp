#include "hexcore/plan/make_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "hexcore/base/whole_number.hpp"
#include "hexcore/plan/planning_rounds.hpp"
#include "requests.hpp"

namespace hexcore::test {
namespace {

using testing::HasSubstr;

TEST(MakePlan, TheReferenceCaseComesOutAsItWas) {
    for (const std::uint32_t tokens : {256U, 4096U, 32768U}) {
        const Result<Plan> plan =
            make_plan(shape_request("mixtral-8x7b", {16_GiB, 16_GiB}, tokens, Policy::alternate));
        ASSERT_TRUE(plan) << plan.error().message;
        EXPECT_EQ(plan->devices[0].layers, 14U) << tokens;
        EXPECT_EQ(plan->devices[1].layers, 18U);
        EXPECT_EQ(plan->devices[0].experts, 132U);
        EXPECT_EQ(plan->devices[1].experts, 124U);
        for (std::uint32_t l = 0; l < 32; ++l) {
            const std::uint32_t home = l < 14 ? 0 : 1;
            EXPECT_EQ(plan->placement.layer_device[l], DeviceId(home));
            for (std::uint32_t e = 0; e < 8; ++e) {
                const std::uint32_t device = l == 0 ? 0 : (home + e) % 2;
                EXPECT_EQ(plan->placement.expert_device[l][e], DeviceId(device));
            }
        }
    }
}

TEST(MakePlan, EveryByteOfTheModelIsPlannedSomewhere) {
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        const PlanRequest request = shape_request("mixtral-8x7b", {20_GiB, 14_GiB}, 4096, policy);
        const Result<Plan> plan = make_plan(request);
        ASSERT_TRUE(plan) << to_string(policy) << ": " << plan.error().message;
        Usage sum = plan->host;
        for (const PlannedDevice& device : plan->devices) {
            sum.weights += device.planned.weights;
            sum.experts += device.planned.experts;
            sum.kv += device.planned.kv;
            EXPECT_LE(device.planned.total(), device.budget - device.reserve);
        }
        EXPECT_EQ(sum.weights + sum.experts, plan->total_bytes);
        EXPECT_EQ(sum.experts, plan->experts_bytes);
        EXPECT_EQ(sum.kv, 128_KiB * 4096);
        EXPECT_EQ(plan->basis, Basis::estimate);
    }
}

TEST(MakePlan, StatesTheModelledTimeOfEveryPolicyAndFastestIsTheLeast) {
    const Result<Plan> plan = make_plan(shape_request("qwen3-30b-a3b", {12_GiB, 10_GiB}, 4096));
    ASSERT_TRUE(plan) << plan.error().message;
    ASSERT_EQ(plan->modelled.size(), 4U);
    double fastest = 0;
    for (const PolicyTime& time : plan->modelled) {
        ASSERT_TRUE(time.seconds) << to_string(time.policy);
        fastest = time.policy == Policy::fastest ? *time.seconds : fastest;
    }
    for (const PolicyTime& time : plan->modelled) {
        EXPECT_LE(fastest, *time.seconds) << to_string(time.policy);
    }
}

TEST(MakePlan, TheExplanationSaysWhatTheContextIsPaddedToAndWhatTheModelWasTrainedFor) {
    const Result<Plan> padded = make_plan(shape_request("mixtral-8x7b", {64_GiB}, 1000));
    ASSERT_TRUE(padded);
    EXPECT_THAT(padded->explanation.front(), HasSubstr("of 1000 tokens is padded to 1024"));
    const Result<Plan> longer = make_plan(shape_request("mixtral-8x7b", {64_GiB}, 65536));
    ASSERT_TRUE(longer);
    EXPECT_THAT(longer->explanation.front(), HasSubstr("65536 tokens a sequence"));
    EXPECT_THAT(longer->explanation.front(), HasSubstr("32768 that the model was trained for"));
    const Result<Plan> trained = make_plan(shape_request("mixtral-8x7b", {64_GiB}, 32768));
    ASSERT_TRUE(trained);
    EXPECT_THAT(trained->explanation, testing::Each(testing::Not(HasSubstr("trained for"))));
}

TEST(MakePlan, TheExplanationSaysWhatDevicesOfOneMachineShare) {
    PlanRequest request = shape_request("mixtral-8x7b", {16_GiB, 16_GiB}, 4096);
    request.main_memory = 24_GiB;
    const auto says = [&](const char* part) {
        const Result<Plan> plan = make_plan(request);
        return plan && testing::Matches(testing::Contains(HasSubstr(part)))(plan->explanation);
    };
    for (DeviceFacts& device : request.devices) {
        device.kind = DeviceKind::cuda;
    }
    EXPECT_FALSE(says("share") || says("main memory are planned"));
    for (DeviceFacts& device : request.devices) {
        device.kind = DeviceKind::host;
    }
    EXPECT_TRUE(says("host0, host1 share one machine's cores"));
    EXPECT_TRUE(says("there are 24.00 GiB here"));
    request.main_memory = 64_GiB;
    EXPECT_FALSE(says("main memory are planned"));
}

TEST(MakePlan, TheExplanationSaysWhatDecides) {
    const Result<Plan> plan = make_plan(shape_request("mixtral-8x7b", {16_GiB, 16_GiB}, 4096));
    ASSERT_TRUE(plan);
    EXPECT_THAT(plan->explanation,
                testing::IsSupersetOf({HasSubstr("most of it reading experts"),
                                       HasSubstr("typical values, not measured, for host0, host1"),
                                       HasSubstr("Modelled time of a token by policy: balanced"),
                                       HasSubstr("estimates by formula")}));
}

TEST(MakePlan, NoTokensMeansTheTrainedContext) {
    const Result<Plan> plan = make_plan(shape_request("olmoe-1b-7b", {16_GiB}, 0));
    ASSERT_TRUE(plan);
    EXPECT_EQ(plan->context.tokens, TokenCount(4096));
}

TEST(MakePlan, ADevicesLimitsAreAUsageError) {
    const Result<Plan> none = make_plan(shape_request("olmoe-1b-7b", {}, 0));
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().code, ErrorCode::usage);
    const Result<Plan> many =
        make_plan(shape_request("olmoe-1b-7b", std::vector<Bytes>(17, 1_GiB), 0));
    ASSERT_FALSE(many);
    EXPECT_THAT(many.error().message, HasSubstr("17 devices"));
}

TEST(MakePlan, SixteenDevicesHaveLayersOnAtMostFifteen) {
    for (const Policy policy :
         {Policy::balanced, Policy::fastest, Policy::alternate, Policy::layers}) {
        const Result<Plan> plan =
            make_plan(shape_request("mixtral-8x7b", std::vector<Bytes>(16, 4_GiB), 4096, policy));
        ASSERT_TRUE(plan) << to_string(policy) << ": " << plan.error().message;
        std::uint32_t with_layers = 0;
        for (const PlannedDevice& device : plan->devices) {
            with_layers += device.layers > 0 ? 1 : 0;
        }
        EXPECT_LE(with_layers, 15U) << to_string(policy);
    }
}

void set_budget(DeviceFacts& device, Bytes budget) {
    device = host_device(device.name == "host0" ? 0 : 1, budget);
}

/// The request with a piece of advice taken.
PlanRequest followed(const Remedy& remedy, PlanRequest request) {
    switch (remedy.change) {
        case Change::set_budget:
            set_budget(request.devices[remedy.device == "host0" ? 0 : 1],
                       parse_bytes(remedy.value).value());
            break;
        case Change::raise_each_budget:
            for (DeviceFacts& device : request.devices) {
                set_budget(device, device.budget + parse_bytes(remedy.value).value());
            }
            break;
        case Change::fewer_sequences:
            request.context.sequences = whole_number<std::uint32_t>(remedy.value).value();
            [[fallthrough]];
        case Change::set_context:
            request.context.tokens = TokenCount(static_cast<std::uint32_t>(remedy.count));
            break;
        case Change::set_kv_type:
            request.context.kv_type = parse_kv_type(remedy.value).value();
            break;
        default:
            ADD_FAILURE() << static_cast<int>(remedy.change);
    }
    return request;
}

TEST(MakePlan, WhatDoesNotFitNamesBytesDeviceAndChangesThatHelp) {
    PlanRequest request = shape_request("mixtral-8x7b", {14_GiB, 14_GiB}, 32768);
    request.context.sequences = 4;
    const Result<Plan> plan = make_plan(request);
    ASSERT_FALSE(plan);
    const Error& error = plan.error();
    EXPECT_EQ(error.code, ErrorCode::does_not_fit);
    EXPECT_THAT(error.message,
                testing::ContainsRegex(": [0-9]+ bytes .[0-9.]+ [GM]iB. are missing on host[01]"));
    ASSERT_TRUE(error.refused);
    EXPECT_THAT(error.message, HasSubstr("are missing on " + error.refused->device));
    EXPECT_GT(error.refused->wanted_bytes, error.refused->free_bytes);
    EXPECT_TRUE(error.proven);
    std::vector<Change> changes;
    for (const Remedy& remedy : error.remedies) {
        changes.push_back(remedy.change);
        EXPECT_TRUE(make_plan(followed(remedy, request))) << static_cast<int>(remedy.change);
    }
    EXPECT_THAT(changes, testing::ElementsAre(Change::set_context, Change::set_kv_type,
                                              Change::fewer_sequences, Change::set_budget,
                                              Change::raise_each_budget));
}

TEST(MakePlan, ARecommendedBudgetIsTheSmallestWholeMiB) {
    const PlanRequest request = shape_request("mixtral-8x7b", {13_GiB, 13_GiB}, 4096);
    const Result<Plan> plan = make_plan(request);
    ASSERT_FALSE(plan);
    const std::vector<Remedy>& remedies = plan.error().remedies;
    const auto budget = std::find_if(remedies.begin(), remedies.end(), [](const Remedy& remedy) {
        return remedy.change == Change::set_budget;
    });
    ASSERT_NE(budget, remedies.end()) << plan.error().message;
    PlanRequest raised = followed(*budget, request);
    EXPECT_TRUE(make_plan(raised));
    DeviceFacts& device = raised.devices[budget->device == "host0" ? 0 : 1];
    set_budget(device, device.budget - 1_MiB);
    EXPECT_FALSE(make_plan(raised));
}

TEST(MakePlan, ARuleThatDoesNotFitRecommendsOneThatDoes) {
    const Result<Plan> plan =
        make_plan(shape_request("mixtral-8x7b", {24_GiB, 6_GiB}, 4096, Policy::alternate));
    ASSERT_FALSE(plan);
    EXPECT_THAT(plan.error().remedies, testing::Contains(testing::AllOf(
                                           testing::Field(&Remedy::change, Change::set_policy),
                                           testing::Field(&Remedy::value, "balanced"))));
    EXPECT_TRUE(make_plan(shape_request("mixtral-8x7b", {24_GiB, 6_GiB}, 4096)));
}

TEST(MakePlan, ADryRunMakesEveryNumberExact) {
    const Result<Plan> plan =
        make_plan(shape_request("mixtral-8x7b", {16_GiB, 16_GiB}, 4096), dry_run_with(50_MiB));
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_EQ(plan->basis, Basis::dry_run);
    for (const PlannedDevice& device : plan->devices) {
        EXPECT_EQ(device.planned.compute, device.layers > 0 ? 150_MiB : 0_B);
    }
}

TEST(MakePlan, PlansAgainUntilTheExactNumbersAreBalancedToo) {
    int calls = 0;
    const DryRun more_on_the_first = [&](const Plan& plan) -> Result<DryRunUsage> {
        HEXCORE_TRY(usage, dry_run_with(0_B, &calls)(plan));
        usage.devices[0].compute += 1500_MiB;
        return usage;
    };
    const Result<Plan> plan =
        make_plan(shape_request("mixtral-8x7b", {16_GiB, 16_GiB}, 4096), more_on_the_first);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_GT(calls, 1);
    const double first = plan->devices[0].planned.total().as_double();
    const double second = plan->devices[1].planned.total().as_double();
    EXPECT_LE(std::abs(first - second), 2.0 * 99090432);
}

TEST(MakePlan, AnEstimateThatWasTooLowIsMadeUpForByMovingExperts) {
    // By the estimate the first device can be filled to the brim; really it needs 1 GiB more.
    PlanRequest request = shape_request("mixtral-8x7b", {22_GiB, 22_GiB}, 4096, Policy::fastest);
    request.devices[1].bandwidth_bytes_per_s /= 20;
    int calls = 0;
    const Result<Plan> plan = make_plan(request, dry_run_with(1_GiB, &calls));
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_GT(calls, 1);
    const PlannedDevice& first = plan->devices[0];
    EXPECT_LE(first.planned.total(), first.budget - first.reserve);
}

TEST(MakePlan, FindsWhatFitsHoweverWrongTheEstimatesAre) {
    std::mt19937 random(5);
    const auto mib_up_to = [&random](std::uint32_t most) {
        return Bytes(random() % most) * 1048576;
    };
    int fitting = 0;
    for (int i = 0; i < 40; ++i) {
        const Policy policy = i % 2 == 0 ? Policy::balanced : Policy::fastest;
        PlanRequest request = shape_request("olmoe-1b-7b", {}, 4096, policy);
        const Bytes compute = 1_MiB + mib_up_to(300);
        const Bytes output = mib_up_to(400);
        const Bytes all = facts_for(request.model, request.context).total_bytes() + 500_MiB;
        std::vector<DeviceFacts> exact;
        for (std::size_t d = 0; d < 3; ++d) {
            DeviceFacts device =
                host_device(d, Bytes(all.count() / 3) + mib_up_to(700) - mib_up_to(300));
            device.compute = compute;
            device.compute_output = output;
            exact.push_back(device);
            // What is planned with: up to six times too much, or next to nothing.
            device.compute = 1_MiB + mib_up_to(1800);
            device.compute_output = mib_up_to(800);
            request.devices.push_back(device);
        }
        const DryRun dry_run = [&](const Plan& plan) -> Result<DryRunUsage> {
            HEXCORE_TRY(usage, dry_run_with(0_B)(plan));
            for (std::size_t d = 0; d < usage.devices.size(); ++d) {
                const bool has_output = plan.placement.layer_device.back() == DeviceId(d);
                usage.devices[d].compute = plan.devices[d].layers == 0 ? 0_B
                                           : has_output                ? compute + output
                                                                       : compute;
            }
            return usage;
        };
        const bool exists =
            place(facts_for(request.model, request.context), exact, policy).has_value();
        Trials trials(dry_run);
        const Result<RoundsOutcome> found =
            run_rounds(completed(request).value(), trials, Rounds::probe);
        ASSERT_TRUE(found);
        EXPECT_EQ(found->has_value(), exists) << "case " << i;
        fitting += exists ? 1 : 0;
    }
    EXPECT_GT(fitting, 8);
    EXPECT_LT(fitting, 32);
}

TEST(MakePlan, AFailingDryRunIsPassedOn) {
    const Result<Plan> plan = make_plan(shape_request("olmoe-1b-7b", {16_GiB}, 256),
                                        [](const Plan&) -> Result<DryRunUsage> {
                                            return fail(ErrorCode::bad_input, "no such tensor");
                                        });
    ASSERT_FALSE(plan);
    EXPECT_EQ(plan.error().code, ErrorCode::bad_input);
}

TEST(MakePlan, AnInterruptIsPassedOnWheneverItComes) {
    PlanRequest request = shape_request("olmoe-1b-7b", {2_GiB, 2_GiB}, 4096);
    int needed = 0;
    const Result<Plan> refused = make_plan(request, dry_run_with(0_B, &needed));
    ASSERT_FALSE(refused);
    ASSERT_EQ(refused.error().code, ErrorCode::does_not_fit);
    ASSERT_GT(needed, 5);
    for (const int last : {0, 1, 3, needed / 2, needed - 1}) {
        int calls = 0;
        const DryRun dry_run = dry_run_with(0_B, &calls);
        const Result<Plan> plan = make_plan(request, [&](const Plan& tried) -> Result<DryRunUsage> {
            return calls == last ? fail(ErrorCode::interrupted, "interrupted") : dry_run(tried);
        });
        ASSERT_FALSE(plan);
        EXPECT_EQ(plan.error().code, ErrorCode::interrupted) << last;
    }
}

TEST(FinishPlan, RefusesExactNumbersOverABudget) {
    const Plan plan = make_plan(shape_request("olmoe-1b-7b", {8_GiB}, 256)).value();
    DryRunUsage usage{{plan.devices[0].planned}, plan.host};
    EXPECT_TRUE(finish_plan(plan, usage));
    usage.devices[0].compute += 8_GiB;
    const Result<Plan> refused = finish_plan(plan, usage);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    EXPECT_THAT(refused.error().message, HasSubstr("host0 takes"));
}

}  // namespace
}  // namespace hexcore::test
