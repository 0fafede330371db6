#include "hexcore/watch/ended_by.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

using Events = std::vector<CgroupEvents>;

const Events before{{"/sys/fs/cgroup/a/b", 3, 1, 0_B}, {"/sys/fs/cgroup/a", 5, 1, 0_B}};

TEST(EndedBy, NobodyWhereTheKernelKilledNothing) {
    EXPECT_EQ(ended_by(before, before).killed_by, KilledBy::unknown);
    const Events refused{{"/sys/fs/cgroup/a/b", 9, 1, 0_B}, {"/sys/fs/cgroup/a", 5, 1, 0_B}};
    EXPECT_EQ(ended_by(before, refused).killed_by, KilledBy::unknown);
    EXPECT_EQ(ended_by({}, before).killed_by, KilledBy::unknown);
}

TEST(EndedBy, TheInnermostGroupWhoseLimitWasInTheWay) {
    const Events after{{"/sys/fs/cgroup/a/b", 3, 2, 0_B}, {"/sys/fs/cgroup/a", 6, 2, 0_B}};
    EXPECT_EQ(ended_by(before, after).killed_by, KilledBy::cgroup);
    EXPECT_EQ(ended_by(before, after).cgroup, "/sys/fs/cgroup/a");
}

TEST(EndedBy, TheMachineWhereNoLimitWas) {
    const Events after{{"/sys/fs/cgroup/a/b", 3, 2, 0_B}, {"/sys/fs/cgroup/a", 5, 2, 0_B}};
    EXPECT_EQ(ended_by(before, after).killed_by, KilledBy::oom_killer);
}

}  // namespace
}  // namespace hexcore
