#include "exhaustive.hpp"

#include <gtest/gtest.h>

#include "hexcore/plan/placement.hpp"
#include "hexcore/plan/search_policies.hpp"

namespace hexcore::test {
namespace {

constexpr std::uint32_t n_cases = 600;

std::uint64_t largest_expert(const ModelFacts& model) {
    std::uint64_t largest = 0;
    for (const LayerFacts& layer : model.layers) {
        largest = std::max(largest, layer.n_experts > 0 ? layer.expert.count() : 0);
    }
    return largest;
}

/// Calls `check(case, exhaustive)` for every generated case.
template <typename Check>
void for_each_case(const Check& check) {
    for (std::uint32_t seed = 0; seed < n_cases && !testing::Test::HasFailure(); ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        const Case made = random_case(seed);
        check(made, Exhaustive(made.model, made.devices));
    }
}

TEST(PlannerAgainstExhaustiveSearch, ModelledTimeIsTheDefinition) {
    for_each_case([](const Case& made, const Exhaustive& exhaustive) {
        if (const auto placed = place(made.model, made.devices, Policy::balanced)) {
            EXPECT_NEAR(modelled_token_seconds(made.model, made.devices, *placed),
                        exhaustive.judge(*placed).seconds, 1e-9);
        }
    });
}

TEST(PlannerAgainstExhaustiveSearch, BalancedIsFoundWheneverAnyPlacementExistsAndIsTheBest) {
    std::uint32_t fitting = 0;
    std::uint32_t within_one_expert = 0;
    for_each_case([&](const Case& made, const Exhaustive& exhaustive) {
        const Optimum optimum = find_optimum(exhaustive);
        const auto placed = place(made.model, made.devices, Policy::balanced);
        ASSERT_EQ(placed.has_value(), optimum.feasible);
        if (!placed) {
            return;
        }
        ++fitting;
        const std::uint64_t one_expert = largest_expert(made.model);
        within_one_expert += optimum.least_excess <= one_expert ? 1 : 0;
        const std::uint64_t bound = std::max(optimum.least_excess, one_expert);
        const Judgement judgement = exhaustive.judge(*placed);
        EXPECT_TRUE(judgement.fits);
        EXPECT_LE(judgement.excess, bound);
        EXPECT_NEAR(judgement.seconds, fastest_within(exhaustive, bound), 1e-9);
    });
    EXPECT_GT(fitting, n_cases / 4);
    EXPECT_LT(fitting, n_cases * 3 / 4);
    EXPECT_GT(within_one_expert, fitting / 2);
    EXPECT_LT(within_one_expert, fitting);
}

TEST(PlannerAgainstExhaustiveSearch, FastestIsTheOptimumAndNeverSlowerThanAnotherPolicy) {
    for_each_case([](const Case& made, const Exhaustive& exhaustive) {
        const Optimum optimum = find_optimum(exhaustive);
        const auto placed = place(made.model, made.devices, Policy::fastest);
        ASSERT_EQ(placed.has_value(), optimum.feasible);
        if (!placed) {
            return;
        }
        const Judgement judgement = exhaustive.judge(*placed);
        EXPECT_TRUE(judgement.fits);
        EXPECT_NEAR(judgement.seconds, optimum.fastest, 1e-9);
        for (const Policy other : {Policy::balanced, Policy::layers, Policy::alternate}) {
            if (const auto rival = place(made.model, made.devices, other)) {
                EXPECT_TRUE(exhaustive.judge(*rival).fits);
                EXPECT_LE(judgement.seconds, exhaustive.judge(*rival).seconds + 1e-9);
            }
        }
    });
}

TEST(PlannerAgainstExhaustiveSearch, ShortfallIsTheLeastThatIsMissing) {
    std::uint32_t short_of = 0;
    for_each_case([&](const Case& made, const Exhaustive&) {
        const auto placed = place(made.model, made.devices, Policy::balanced);
        if (placed) {
            return;
        }
        ++short_of;
        const auto feasible_with_extra = [&](std::size_t device, std::uint64_t extra) {
            Case bigger = made;
            bigger.devices[device].budget += Bytes(extra);
            const Exhaustive exhaustive(bigger.model, bigger.devices);
            bool any = false;
            exhaustive.for_each([&](const Judgement& judgement) { any = any || judgement.fits; });
            return any;
        };
        const std::uint64_t missing = placed.error().missing.count();
        EXPECT_TRUE(feasible_with_extra(placed.error().device.value(), missing));
        for (std::size_t d = 0; d < made.devices.size(); ++d) {
            EXPECT_FALSE(feasible_with_extra(d, missing - 1)) << "device " << d;
        }
    });
    EXPECT_GT(short_of, n_cases / 5);
}

/// The method for large models, made to work on small ones, where the optimum is known.
TEST(PlannerAgainstExhaustiveSearch, TheMethodForLargeModelsComesClose) {
    std::uint32_t fitting = 0;
    std::uint32_t missed = 0;
    double gaps = 0;
    for_each_case([&](const Case& made, const Exhaustive& exhaustive) {
        const Optimum optimum = find_optimum(exhaustive);
        Problem problem(made.model, made.devices, {});
        PolicySearch search(problem, {.enumerated_splits = 0, .exact_steps = 0});
        const auto placed = search.fastest();
        if (problem.class_bytes().size() <= 1) {
            ASSERT_EQ(placed.has_value(), optimum.feasible);
        }
        ASSERT_TRUE(optimum.feasible || !placed);
        fitting += optimum.feasible ? 1 : 0;
        missed += optimum.feasible && !placed ? 1 : 0;
        if (placed) {
            const Judgement judgement = exhaustive.judge(to_placement(*placed));
            EXPECT_TRUE(judgement.fits);
            EXPECT_LE(judgement.seconds, optimum.fastest * 1.15);
            gaps += judgement.seconds / optimum.fastest - 1;
        }
    });
    // Experts of several sizes in the last bytes of room: the one thing that can be overlooked.
    EXPECT_LE(missed, fitting / 100);
    EXPECT_LE(gaps / fitting, 0.005);
}

}  // namespace
}  // namespace hexcore::test
