#include <gmock/gmock.h>

#include "hexcore/isolate/schedule.hpp"

namespace hexcore {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ScheduledJob declared_job(Bytes memory, std::uint32_t processors = 1) {
    return {.need = {memory},
            .least = {memory},
            .basis = NeedBasis::declared,
            .seconds = 1,
            .processors = processors};
}

/// On a machine with 8 GiB and a GPU.
Schedule schedule_beside(std::vector<ScheduledJob> jobs, std::uint32_t slots) {
    return {std::move(jobs),
            {.slots = slots,
             .capacity = {8_GiB, {{"cuda:0", 8_GiB}}},
             .patience = std::chrono::seconds(20)}};
}

std::vector<std::size_t> begun(const Schedule::Decision& decision) {
    std::vector<std::size_t> jobs;
    for (const Schedule::Start& start : decision.starts) {
        jobs.push_back(start.job);
    }
    return jobs;
}

TEST(ScheduleBesideOthers, OneRunsWhateverCoresOthersHave) {
    Schedule schedule =
        schedule_beside({declared_job(10_MiB, 3), declared_job(10_MiB), declared_job(10_MiB)}, 4);
    Room room{{8_GiB}};
    room.slots = 1;
    EXPECT_EQ(begun(schedule.decide({}, room)).size(), 1U);
    EXPECT_THAT(begun(schedule.decide({}, room)), IsEmpty());
    room.slots = 4;
    EXPECT_THAT(begun(schedule.decide({}, room)), Not(IsEmpty()));
}

TEST(ScheduleBesideOthers, OneThatCouldNotBeStartedIsStillWaiting) {
    Schedule schedule = schedule_beside({declared_job(4_GiB)}, 2);
    const Room full{{1_GiB}};
    EXPECT_THAT(schedule.decide({}, full).postponed, ElementsAre(0));
    // It seems to fit, but others were faster; and so again.
    for (const int second : {5, 10, 15}) {
        schedule.look_now();
        EXPECT_THAT(begun(schedule.decide(std::chrono::seconds(second), {{8_GiB}})),
                    ElementsAre(0));
        schedule.not_started(0);
        EXPECT_THAT(schedule.decide(std::chrono::seconds(second), full).postponed, IsEmpty());
    }
    EXPECT_EQ(schedule.decide(std::chrono::seconds(20), full).refusals.size(), 1U);
    EXPECT_TRUE(schedule.is_over());
}

/// What nobody holds never comes back; a test that needs the device would fail for it.
TEST(ScheduleBesideOthers, ADeviceThatDoesNotComeBackIsARefusalForThoseThatNeedIt) {
    ScheduledJob on_device = declared_job(1_GiB);
    on_device.need.devices = on_device.least.devices = {{"cuda:0", 1_GiB}};
    Schedule schedule = schedule_beside({on_device, declared_job(1_GiB), declared_job(10_MiB)}, 2);
    const Room unsound{{8_GiB, {{"cuda:0", 4_GiB}}}, false};
    EXPECT_THAT(begun(schedule.decide({}, unsound)), ElementsAre(2)) << "light ones run";
    schedule.ended(2, Schedule::End::passed, 10_MiB);
    EXPECT_THAT(schedule.decide({}, unsound).postponed, testing::UnorderedElementsAre(0, 1));
    const auto late = schedule.decide(std::chrono::seconds(20), unsound);
    ASSERT_EQ(late.refusals.size(), 1U);
    EXPECT_EQ(late.refusals[0].job, 0U);
    EXPECT_EQ(late.refusals[0].why, Schedule::Refusal::Why::not_sound);
    EXPECT_THAT(begun(late), ElementsAre(1)) << "it needs no device";
}

}  // namespace
}  // namespace hexcore
