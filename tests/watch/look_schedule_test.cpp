#include "hexcore/watch/look_schedule.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Looks {
    std::uint64_t number = 0;
    LookSchedule::Time spent{};
};

/// As often as the schedule lets them, each of which takes 8 ms a GiB.
Looks looks_until(LookSchedule::Time end, Bytes resident, bool asked) {
    const LookSchedule::Time cost(
        static_cast<std::int64_t>(resident.as_double() / (1 << 30) * 8e3));
    LookSchedule schedule;
    Looks looks;
    for (LookSchedule::Time now{}; now < end; now += milliseconds(100)) {
        if (schedule.is_due(now, resident, asked)) {
            schedule.looked(now, resident, asked, cost);
            ++looks.number;
            looks.spent += cost;
        }
    }
    return looks;
}

TEST(LookSchedule, LooksTakeLessThanTwoThousandthsOfACore) {
    for (const Bytes resident : {64_MiB, 4_GiB, 64_GiB}) {
        for (const bool asked : {false, true}) {
            const Looks looks = looks_until(hours(1), resident, asked);
            EXPECT_GT(looks.number, 0U) << to_string(resident);
            EXPECT_LT(looks.spent, seconds(3600) / 500) << to_string(resident);
        }
    }
}

TEST(LookSchedule, ADayHasSoFewThatARecordingHasRoomForAll) {
    EXPECT_LT(looks_until(hours(24), 1_MiB, false).number, 2000U);
    EXPECT_LT(looks_until(hours(24), 1_MiB, true).number, 50'000U);
}

TEST(LookSchedule, AFirstLookThatWasAskedForDoesNotWait) {
    EXPECT_TRUE(LookSchedule().is_due({}, 4_GiB, true));
    LookSchedule schedule;
    schedule.looked({}, 4_GiB, true, milliseconds(33));
    EXPECT_FALSE(schedule.is_due(milliseconds(5), 4_GiB, true));
    EXPECT_TRUE(schedule.is_due(milliseconds(20), 4_GiB, true));
    EXPECT_FALSE(schedule.is_due(seconds(65), 4_GiB, false));
    EXPECT_TRUE(schedule.is_due(seconds(67), 4_GiB, false));
}

}  // namespace
}  // namespace hexcore
