#include "hexcore/ledger/budget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <thread>
#include <utility>
#include <vector>

namespace hexcore {
namespace {

using ::testing::HasSubstr;

TEST(Budget, GivesWhatFitsAndCountsWhatIsHeld) {
    Budget budget("host0", 100_MiB);
    auto first = budget.reserve(60_MiB);
    ASSERT_TRUE(first.has_value());
    auto second = budget.reserve(40_MiB);
    ASSERT_TRUE(second.has_value());
    EXPECT_EQ(budget.used(), 100_MiB);
    EXPECT_EQ(budget.free(), 0_B);
    EXPECT_EQ(first->size(), 60_MiB);
    EXPECT_EQ(budget.refused(), 0U);
}

TEST(Budget, RefusesOneByteTooManyWithTheNumbersAndWhatToChange) {
    Budget budget("host1", 64_MiB);
    const auto held = budget.reserve(60_MiB);
    ASSERT_TRUE(held.has_value());
    const auto refused = budget.reserve(4_MiB + 1_B);
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code, ErrorCode::does_not_fit);
    for (const char* part :
         {"host1", "4194305 bytes", "4194304 bytes", "64.0 MiB", ": 1 bytes too few"}) {
        EXPECT_THAT(refused.error().message, HasSubstr(part));
    }
    ASSERT_FALSE(refused.error().remedies.empty());
    EXPECT_EQ(refused.error().remedies.front().change, Change::raise_budget);
    EXPECT_EQ(budget.refused(), 1U);
    EXPECT_EQ(budget.used(), 60_MiB);
}

TEST(Budget, RefusesASizeThatWouldWrapAround) {
    Budget budget("host0", 1_MiB);
    const auto held = budget.reserve(1_B);
    ASSERT_TRUE(held.has_value());
    EXPECT_FALSE(budget.reserve(Bytes(~0ULL)).has_value());
    EXPECT_EQ(budget.used(), 1_B);
}

TEST(Budget, PeakIsTheMostThatWasEverHeldAtOnce) {
    Budget budget("host0", 100_MiB);
    {
        const auto a = budget.reserve(30_MiB);
        const auto b = budget.reserve(20_MiB);
        ASSERT_TRUE(a.has_value() && b.has_value());
    }
    const auto c = budget.reserve(10_MiB);
    ASSERT_TRUE(c.has_value());
    EXPECT_EQ(budget.used(), 10_MiB);
    EXPECT_EQ(budget.peak(), 50_MiB);
}

TEST(Reservation, ReturnsItselfOnceHoweverOftenItIsMovedOrReleased) {
    Budget budget("host0", 10_MiB);
    auto taken = budget.reserve(8_MiB);
    ASSERT_TRUE(taken.has_value());
    Reservation moved = std::move(*taken);
    EXPECT_EQ(budget.used(), 8_MiB);
    auto other = budget.reserve(2_MiB);
    ASSERT_TRUE(other.has_value());
    moved = std::move(*other);
    EXPECT_EQ(budget.used(), 2_MiB);
    moved.release();
    moved.release();
    EXPECT_EQ(moved.size(), 0_B);
    EXPECT_EQ(budget.used(), 0_B);
}

TEST(BudgetDeathTest, EndingBeforeItsReservationsIsABugThatNamesDeviceAndBytes) {
    EXPECT_DEATH(
        {
            Reservation outlives;
            Budget budget("host7", 4096_B);
            outlives = std::move(budget.reserve(4096_B)).value();
        },
        "host7 and 4096");
}

TEST(Budget, ThreadsRacingForTheLastBytesNeverOvershoot) {
    constexpr int racer_count = 3;
    constexpr std::uint64_t refusals = 10'000;
    // One piece fits. Its holder steps aside, so that the others are refused again and again; each
    // refusal is a moment at which a budget that adds first and takes back would show too much.
    Budget budget("host0", 15_MiB);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> refused_seen{0};
    std::atomic<std::uint64_t> overshoots{0};
    std::latch start(racer_count + 1);

    std::thread observer([&] {
        start.arrive_and_wait();
        while (!stop.load()) {
            overshoots += budget.used() > budget.limit() ? 1 : 0;
        }
    });
    std::vector<std::thread> racers;
    for (int t = 0; t < racer_count; ++t) {
        racers.emplace_back([&] {
            start.arrive_and_wait();
            while (!stop.load()) {
                const auto piece = budget.reserve(10_MiB);
                if (piece) {
                    std::this_thread::yield();
                } else {
                    ++refused_seen;
                }
            }
        });
    }
    while (refused_seen.load() < refusals) {
        std::this_thread::yield();
    }
    stop = true;
    for (std::thread& racer : racers) {
        racer.join();
    }
    observer.join();

    EXPECT_EQ(overshoots.load(), 0U);
    EXPECT_EQ(budget.refused(), refused_seen.load());
    EXPECT_EQ(budget.used(), 0_B);
    EXPECT_EQ(budget.peak(), 10_MiB);
}

TEST(Budget, ExactlyOneOfTwoThreadsGetsTheLastPiece) {
    for (int round = 0; round < 500; ++round) {
        Budget budget("host0", 1_MiB);
        std::latch start(2);
        std::latch both_tried(2);
        std::atomic<int> winners{0};
        const auto race = [&] {
            start.arrive_and_wait();
            const auto piece = budget.reserve(1_MiB);
            winners += piece.has_value() ? 1 : 0;
            both_tried.arrive_and_wait();
        };
        std::thread a(race);
        std::thread b(race);
        a.join();
        b.join();
        ASSERT_EQ(winners.load(), 1);
        ASSERT_EQ(budget.refused(), 1U);
        ASSERT_EQ(budget.peak(), 1_MiB);
    }
}

}  // namespace
}  // namespace hexcore
