#include "hexcore/judge/exact.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <numeric>
#include <random>

namespace hexcore {
namespace {

using ::testing::HasSubstr;

/// Only levels, in KiB at the end of each repeat.
Judgement of_levels(std::size_t n, const std::function<std::uint64_t(std::size_t)>& kib) {
    ExactHistory history;
    for (std::size_t i = 0; i < n; ++i) {
        history.levels.push_back(1024.0 * static_cast<double>(kib(i)));
    }
    return judge_exact(history);
}

TEST(ExactLevels, ThatGrowAtEveryRepeatAreALeakAfterEightOfThem) {
    const auto leak = [](std::size_t i) { return 100 + 4 * i; };
    EXPECT_EQ(of_levels(8, leak).verdict, Verdict::inconclusive);
    EXPECT_THAT(of_levels(8, leak).why, HasSubstr("too few repeats"));
    const Judgement judgement = of_levels(10, leak);
    EXPECT_EQ(judgement.verdict, Verdict::leak);
    EXPECT_EQ(judgement.bytes_per_repeat, 4096);
}

TEST(ExactLevels, ThatGrowAtEveryFewRepeatsAreALeakOnceFourSuchRisesWereSeen) {
    for (const std::size_t every : {2U, 5U, 16U}) {
        const auto leak = [every](std::size_t i) { return 100 + 64 * (i / every); };
        const Judgement judgement = of_levels(6 * every, leak);
        EXPECT_EQ(judgement.verdict, Verdict::leak) << every;
        EXPECT_EQ(judgement.bytes_per_repeat, 65536.0 / static_cast<double>(every));
        const Judgement early = of_levels(3 * every, leak);
        EXPECT_EQ(early.verdict, Verdict::inconclusive) << every;
    }
}

TEST(ExactLevels, ThatGrowNowAndThenAreALeakInWhicheverRepeats) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        std::vector<std::uint64_t> kib{50};
        for (int i = 1; i < 80; ++i) {
            kib.push_back(kib.back() + (random() % 3 == 0 ? 4 * (1 + random() % 100) : 0));
        }
        const auto judgement = of_levels(80, [&](std::size_t i) { return kib[i]; });
        EXPECT_TRUE(judgement.verdict == Verdict::leak ||
                    judgement.verdict == Verdict::inconclusive)
            << seed << " " << to_string(judgement.verdict);
    }
}

TEST(ExactLevels, ThatDoubleWhenTheyAreFullAreALeakAsLongAsTheyGoOn) {
    const auto vector = [](std::size_t i) {
        std::uint64_t room = 1;
        while (room < i + 1) {
            room *= 2;
        }
        return 8 * room;
    };
    EXPECT_EQ(of_levels(600, vector).verdict, Verdict::leak);
    EXPECT_EQ(of_levels(100, vector).verdict, Verdict::inconclusive);
    EXPECT_EQ(
        of_levels(300, [&](std::size_t i) { return vector(std::min<std::size_t>(i, 40)); }).verdict,
        Verdict::cache);
}

TEST(ExactLevels, ThatStopGrowingAreACacheOnceTheyAreFlatForLong) {
    const auto step = [](std::size_t i) { return i < 2 ? 10U : 900U; };
    EXPECT_EQ(of_levels(12, step).verdict, Verdict::cache);
    const auto fills = [](std::size_t i) { return 10 * std::min<std::size_t>(i, 12); };
    EXPECT_EQ(of_levels(24, fills).verdict, Verdict::cache);
    EXPECT_EQ(of_levels(17, fills).verdict, Verdict::inconclusive);
    EXPECT_THAT(of_levels(17, fills).why, HasSubstr("4 more repeats"));
    const Judgement late = of_levels(40, [](std::size_t i) { return i < 20 ? 10U : 900U; });
    EXPECT_EQ(late.verdict, Verdict::inconclusive) << "it may come again after 20 more";
}

TEST(ExactLevels, ThatGrowAfterALargeStepAreALeakAllTheSame) {
    const auto cache_and_leak = [](std::size_t i) { return (i < 3 ? 0 : 500'000) + 2 * i; };
    EXPECT_EQ(of_levels(24, cache_and_leak).verdict, Verdict::leak);
    EXPECT_EQ(of_levels(24, cache_and_leak).bytes_per_repeat, 2048);
}

TEST(ExactLevels, ThatStayAreNone) {
    EXPECT_EQ(of_levels(9, [](std::size_t) { return 7; }).verdict, Verdict::none);
    EXPECT_EQ(of_levels(9, [](std::size_t) { return 0; }).verdict, Verdict::none);
}

TEST(ExactLevels, ThatReturnAreAPool) {
    for (unsigned seed = 0; seed < 200; ++seed) {
        std::mt19937 random(seed);
        const auto pool = [&](std::size_t) { return 100 + random() % 1000; };
        EXPECT_EQ(of_levels(64, pool).verdict, Verdict::pool) << seed;
    }
    EXPECT_EQ(of_levels(60, [](std::size_t i) { return 10 * (i % 7); }).verdict, Verdict::pool);
}

TEST(ExactLevels, OfNothingAreInconclusive) {
    EXPECT_EQ(judge_exact({}).verdict, Verdict::inconclusive);
    EXPECT_EQ(of_levels(1, [](std::size_t) { return 7; }).verdict, Verdict::inconclusive);
}

}  // namespace
}  // namespace hexcore
