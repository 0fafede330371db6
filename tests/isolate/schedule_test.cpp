#include "hexcore/isolate/schedule.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "paper_run.hpp"

namespace hexcore {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

ScheduledJob job(Bytes memory, double time = 1) {
    return {.need = {memory}, .least = {memory}, .basis = NeedBasis::learned, .seconds = time};
}

ScheduledJob unknown_job(const std::string& family) {
    ScheduledJob made;
    made.family = family;
    made.seconds = 1;
    return made;
}

Schedule schedule_of(const std::vector<ScheduledJob>& jobs, const PaperMachine& machine,
                     Schedule::Time patience = seconds(120)) {
    return {jobs,
            {.slots = machine.slots,
             .capacity = {machine.memory, machine.devices},
             .patience = patience}};
}

std::vector<std::size_t> started(const Schedule::Decision& decision) {
    std::vector<std::size_t> jobs;
    for (const Schedule::Start& start : decision.starts) {
        jobs.push_back(start.job);
    }
    return jobs;
}

TEST(Schedule, StartsWhatFitsAndNoMore) {
    const PaperMachine machine{10_GiB, {}, 8};
    Schedule schedule = schedule_of({job(100_MiB), job(4_GiB), job(4_GiB), job(4_GiB)}, machine);
    EXPECT_THAT(started(schedule.decide({}, {{10_GiB}})), ElementsAre(0));  // heavier ones wait
    schedule.ended(0, Schedule::End::passed, 100_MiB);
    EXPECT_THAT(started(schedule.decide({}, {{10_GiB}})), UnorderedElementsAre(1, 2));
    EXPECT_EQ(schedule.waiting_for_room(), 1);
    EXPECT_THAT(started(schedule.decide({}, {{2_GiB}})), IsEmpty());
    schedule.ended(1, Schedule::End::passed, 4_GiB);
    EXPECT_THAT(started(schedule.decide({}, {{6_GiB}})), ElementsAre(3));
}

TEST(Schedule, UnknownOnesOfAProgramBeginOneByOneAndThenMoreAtATime) {
    const PaperMachine machine{64_GiB, {}, 16};
    std::vector<ScheduledJob> jobs(12, unknown_job("program"));
    Schedule schedule = schedule_of(jobs, machine);
    const Room room{{64_GiB}};
    EXPECT_EQ(started(schedule.decide({}, room)).size(), 1);
    schedule.ended(0, Schedule::End::passed, 10_MiB);
    EXPECT_EQ(started(schedule.decide({}, room)).size(), 2);
    schedule.ended(1, Schedule::End::passed, 10_MiB);
    schedule.ended(2, Schedule::End::passed, 500_MiB);
    const Schedule::Decision decision = schedule.decide({}, room);
    EXPECT_EQ(decision.starts.size(), 4);
    EXPECT_EQ(decision.starts[0].need.host, 575_MiB);  // as others of it, and 15 %
}

TEST(Schedule, HeavierOnesWaitWhileTheMachineIsNotAsItWas) {
    const PaperMachine machine{16_GiB, {}, 4};
    Schedule schedule = schedule_of({job(10_MiB), job(10_MiB, 5), job(2_GiB)}, machine);
    EXPECT_THAT(started(schedule.decide({}, {{16_GiB}})), UnorderedElementsAre(0, 1));
    schedule.ended(0, Schedule::End::passed, 10_MiB);
    EXPECT_THAT(started(schedule.decide({}, {{16_GiB}, false})), IsEmpty());
    EXPECT_THAT(started(schedule.decide({}, {{16_GiB}, true})), ElementsAre(2));
}

TEST(Schedule, WhatIsAloneRunsWithNothingBesideIt) {
    const PaperMachine machine{16_GiB, {}, 4};
    std::vector<ScheduledJob> jobs(6, job(10_MiB));
    jobs[2].alone = true;
    Schedule schedule = schedule_of(jobs, machine);
    const PaperRun run = run_on_paper(jobs, machine, schedule);
    for (std::size_t other = 0; other < jobs.size(); ++other) {
        EXPECT_TRUE(other == 2 || run.ended_at.at(other) <= run.begun_at.at(2) ||
                    run.begun_at.at(other) >= run.ended_at.at(2));
    }
}

TEST(Schedule, LocksAndDependenciesHold) {
    const PaperMachine machine{16_GiB, {}, 8};
    std::vector<ScheduledJob> jobs(8, job(10_MiB));
    jobs[0].locks = jobs[1].locks = jobs[2].locks = {"port"};
    jobs[0].after = {7};
    jobs[3].on_success = {4};
    Schedule schedule = schedule_of(jobs, machine);
    const PaperRun run = run_on_paper(jobs, machine, schedule);
    EXPECT_GE(run.begun_at.at(0), run.ended_at.at(7));
    EXPECT_GE(run.begun_at.at(3), run.ended_at.at(4));
    std::vector<double> begins{run.begun_at.at(0), run.begun_at.at(1), run.begun_at.at(2)};
    std::sort(begins.begin(), begins.end());
    EXPECT_GE(begins[1] - begins[0], 1);
    EXPECT_GE(begins[2] - begins[1], 1);
}

TEST(Schedule, WithoutItsFixtureATestDoesNotRunButIsCleanedUp) {
    const PaperMachine machine{16_GiB, {}, 8};
    std::vector<ScheduledJob> jobs(4, job(10_MiB));
    jobs[1].on_success = {0};  // requires it
    jobs[2].after = {0, 1};    // cleans it up
    jobs[3].on_success = {1};  // what did not run has not passed
    Schedule schedule = schedule_of(jobs, machine);
    const PaperRun run = run_on_paper(jobs, machine, schedule, {0});
    EXPECT_THAT(run.refused, ElementsAre(1, 3));
    EXPECT_THAT(run.begun, ElementsAre(0, 2));
}

TEST(Schedule, JobsThatWaitForEachOtherAreRefusedInsteadOfHanging) {
    const PaperMachine machine{16_GiB, {}, 8};
    std::vector<ScheduledJob> jobs(3, job(10_MiB));
    jobs[0].after = {1};
    jobs[1].after = {0};
    Schedule schedule = schedule_of(jobs, machine);
    const PaperRun run = run_on_paper(jobs, machine, schedule);
    EXPECT_THAT(run.refused, ElementsAre(0));  // then the other can run
    EXPECT_THAT(run.begun, ElementsAre(2, 1));
}

TEST(Schedule, WaitsForMemoryOfOthersLongerEachTimeAndGivesUpAtTheDeadline) {
    std::vector<ScheduledJob> jobs{job(4_GiB)};
    jobs[0].basis = NeedBasis::declared;
    Schedule schedule = schedule_of(jobs, {8_GiB, {}, 2}, seconds(20));
    const Room room{{1_GiB}};
    std::vector<double> looks;
    Schedule::Time now{};
    Schedule::Decision decision = schedule.decide(now, room);
    EXPECT_THAT(decision.postponed, ElementsAre(0));
    while (decision.refusals.empty()) {
        ASSERT_TRUE(decision.look_again);
        now = *decision.look_again;
        looks.push_back(static_cast<double>(now.count()) / 1e9);
        decision = schedule.decide(now, room);
    }
    EXPECT_THAT(looks, ElementsAre(0.25, 0.75, 1.75, 3.75, 7.75, 15.75, 20));
    EXPECT_EQ(decision.refusals[0].why, Schedule::Refusal::Why::no_room);
    EXPECT_TRUE(schedule.is_over());
}

TEST(Schedule, WhatWasLearnedIsNoReasonToRefuseATestThatFits) {
    std::vector<ScheduledJob> jobs{job(1150_MiB)};
    jobs[0].least = {1000_MiB};
    Schedule schedule = schedule_of(jobs, {8_GiB, {}, 2}, seconds(1));
    EXPECT_THAT(started(schedule.decide({}, {{1100_MiB}})), IsEmpty());
    EXPECT_THAT(started(schedule.decide(seconds(1), {{1100_MiB}})), ElementsAre(0));
}

TEST(Schedule, WhatDeclaresMoreThanThereIsIsRefusedAtOnce) {
    std::vector<ScheduledJob> jobs{job(9_GiB), job(1_MiB)};
    jobs[0].basis = NeedBasis::declared;
    Schedule schedule = schedule_of(jobs, {8_GiB, {}, 2});
    const Schedule::Decision decision = schedule.decide({}, {{8_GiB}});
    ASSERT_EQ(decision.refusals.size(), 1);
    EXPECT_EQ(decision.refusals[0].why, Schedule::Refusal::Why::never_fits);
    EXPECT_THAT(started(decision), ElementsAre(1));
}

TEST(Schedule, AnUnknownTestRunsInTheEndHoweverLittleIsFree) {
    const std::vector<ScheduledJob> jobs{unknown_job("program")};
    Schedule schedule = schedule_of(jobs, {8_GiB, {}, 2}, seconds(1));
    EXPECT_THAT(started(schedule.decide({}, {{1_MiB}})), IsEmpty());
    const Schedule::Decision decision = schedule.decide(seconds(1), {{1_MiB}});
    ASSERT_THAT(started(decision), ElementsAre(0));
    EXPECT_TRUE(decision.starts[0].alone);
}

TEST(Schedule, OneThatRunsAgainAloneComesInTheEnd) {
    const PaperMachine machine{16_GiB, {}, 2};
    std::vector<ScheduledJob> jobs(4, job(10_MiB));
    Schedule schedule = schedule_of(jobs, machine);
    const Room room{{16_GiB}};
    EXPECT_THAT(started(schedule.decide({}, room)), ElementsAre(0, 1));
    schedule.again(0, true);
    EXPECT_THAT(started(schedule.decide({}, room)), ElementsAre(2));
    schedule.ended(1, Schedule::End::passed, {});
    EXPECT_THAT(started(schedule.decide({}, room)), ElementsAre(3));
    schedule.ended(2, Schedule::End::passed, {});
    EXPECT_THAT(started(schedule.decide({}, room)), IsEmpty());
    schedule.ended(3, Schedule::End::passed, {});
    const Schedule::Decision last = schedule.decide({}, room);
    ASSERT_THAT(started(last), ElementsAre(0));
    EXPECT_TRUE(last.starts[0].alone);
    schedule.ended(0, Schedule::End::passed, {});
    EXPECT_TRUE(schedule.is_over());
}

TEST(Schedule, ALargeOneIsNotPassedForever) {
    const PaperMachine machine{8_GiB, {}, 2};
    // A small one is always ready, and the large one fits only if nothing else runs.
    std::vector<ScheduledJob> jobs(400, job(600_MiB, 10));
    jobs.push_back(job(8_GiB, 100));
    Schedule schedule = schedule_of(jobs, machine);
    const PaperRun run = run_on_paper(jobs, machine, schedule);
    const auto place = std::find(run.begun.begin(), run.begun.end(), 400) - run.begun.begin();
    EXPECT_LT(place, 60);
}

/// 200 tests as projects have them: most small and short, some large, a few of each on a GPU.
std::vector<ScheduledJob> mixed_jobs(std::mt19937_64& random, const PaperMachine& machine) {
    std::vector<ScheduledJob> jobs;
    const auto uniform = [&](double least, double most) {
        return least + (most - least) * (static_cast<double>(random() >> 11U) * 0x1p-53);
    };
    const double memory_mib = machine.memory.as_double() / (1 << 20);
    for (int index = 0; index < 200; ++index) {
        const double kind = uniform(0, 1);
        // The sum of 12 is close enough to a normal distribution.
        double normal = -6;
        for (int part = 0; part < 12; ++part) {
            normal += uniform(0, 1);
        }
        double time = std::clamp(std::exp(-1.4 + 1.6 * normal), 0.005, 60.0);
        double mib = uniform(5, 100);
        if (kind >= 0.93) {
            mib = uniform(0.2, 0.8) * memory_mib;
            time *= 3;
        } else if (kind >= 0.7) {
            mib = uniform(0.02, 0.2) * memory_mib;
        }
        ScheduledJob made = job(Bytes(static_cast<std::uint64_t>(mib)) * (1 << 20), time);
        if (!machine.devices.empty() && uniform(0, 1) < 0.15) {
            const auto device = static_cast<std::uint64_t>(uniform(0.02, 0.7) *
                                                           machine.devices[0].limit.as_double());
            made.need.devices = made.least.devices = {{machine.devices[0].device, Bytes(device)}};
        }
        if (uniform(0, 1) < 0.1) {
            made.processors = std::min(machine.slots, static_cast<std::uint32_t>(2 + random() % 3));
        }
        jobs.push_back(std::move(made));
    }
    return jobs;
}

/// The plain way of a list: whatever fits, in its order.
double list_seconds(const std::vector<ScheduledJob>& jobs, const PaperMachine& machine,
                    const std::vector<std::size_t>& order) {
    std::vector<std::pair<double, std::size_t>> running;
    std::vector<bool> has_begun(jobs.size());
    std::uint32_t processors = 0;
    std::size_t left = jobs.size();
    double now = 0;
    TestNeed room{machine.memory, machine.devices};
    const auto device_of = [](const TestNeed& need) {
        return need.devices.empty() ? Bytes{} : need.devices[0].limit;
    };
    while (left > 0 || !running.empty()) {
        for (const std::size_t index : order) {
            const ScheduledJob& next = jobs[index];
            if (!has_begun[index] && next.need.host <= room.host &&
                device_of(next.need) <= device_of(room) &&
                processors + next.processors <= machine.slots) {
                has_begun[index] = true;
                left -= 1;
                processors += next.processors;
                room.host -= next.need.host;
                if (!room.devices.empty()) {
                    room.devices[0].limit -= device_of(next.need);
                }
                running.emplace_back(now + next.seconds, index);
            }
        }
        const auto first = std::min_element(running.begin(), running.end());
        now = first->first;
        const ScheduledJob& over = jobs[first->second];
        running.erase(first);
        processors -= over.processors;
        room.host += over.need.host;
        if (!room.devices.empty()) {
            room.devices[0].limit += device_of(over.need);
        }
    }
    return now;
}

/// The best of several rules, and then of small changes of the best.
double best_found(const std::vector<ScheduledJob>& jobs, const PaperMachine& machine,
                  std::mt19937_64& random) {
    const auto share = [&](const ScheduledJob& each) {
        double most = std::max(each.need.host.as_double() / machine.memory.as_double(),
                               static_cast<double>(each.processors) / machine.slots);
        if (!each.need.devices.empty()) {
            most = std::max(most, each.need.devices[0].limit.as_double() /
                                      machine.devices[0].limit.as_double());
        }
        return most;
    };
    std::vector<std::size_t> best_order;
    double best = std::numeric_limits<double>::max();
    for (const double power : {0.0, 0.25, 0.5, 1.0, 2.0}) {
        std::vector<std::size_t> order(jobs.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return jobs[a].seconds * std::pow(share(jobs[a]), power) >
                   jobs[b].seconds * std::pow(share(jobs[b]), power);
        });
        const double time = list_seconds(jobs, machine, order);
        if (time < best) {
            best = time;
            best_order = order;
        }
    }
    for (int change = 0; change < 150; ++change) {
        std::vector<std::size_t> order = best_order;
        const std::size_t from = random() % order.size();
        const std::size_t moved = order[from];
        order.erase(order.begin() + static_cast<std::ptrdiff_t>(from));
        order.insert(order.begin() + static_cast<std::ptrdiff_t>(random() % jobs.size()), moved);
        const double time = list_seconds(jobs, machine, order);
        if (time <= best) {
            best = time;
            best_order = order;
        }
    }
    return best;
}

TEST(Schedule, MixedTestsTakeAtMostATenthLongerThanTheBestThatASearchFinds) {
    double sum = 0;
    int count = 0;
    for (const std::uint32_t slots : {2U, 4U, 8U, 16U}) {
        for (const bool has_gpu : {false, true}) {
            for (std::uint64_t seed = 0; seed < 2; ++seed) {
                std::mt19937_64 random(seed * 100 + slots);
                PaperMachine machine{has_gpu ? 64_GiB : 16_GiB, {}, slots};
                if (has_gpu) {
                    machine.devices = {{"cuda:0", 24_GiB}};
                }
                const std::vector<ScheduledJob> jobs = mixed_jobs(random, machine);
                Schedule schedule = schedule_of(jobs, machine);
                const PaperRun run = run_on_paper(jobs, machine, schedule);
                ASSERT_EQ(run.begun.size(), jobs.size());
                EXPECT_LE(run.most, machine.memory);
                const double best = best_found(jobs, machine, random);
                EXPECT_GE(best / run.seconds, 0.9) << slots << " slots, seed " << seed;
                sum += best / run.seconds;
                count += 1;
            }
        }
    }
    EXPECT_GE(sum / count, 0.95);
}

TEST(Schedule, AnyMixOfOrdersEndsWithEachTestOnce) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        std::mt19937_64 random(seed);
        const PaperMachine machine{8_GiB, {}, static_cast<std::uint32_t>(1 + random() % 5)};
        std::vector<ScheduledJob> jobs;
        for (std::size_t index = 0; index < 40; ++index) {
            ScheduledJob made =
                job(Bytes(random() % 8192) * (1 << 20), 0.1 + static_cast<double>(random() % 20));
            if (random() % 3 == 0) {
                made.basis = NeedBasis::unknown;
                made.family = random() % 2 == 0 ? "a" : "b";
            }
            made.alone = random() % 8 == 0;
            made.processors = static_cast<std::uint32_t>(1 + random() % 3);
            if (random() % 4 == 0) {
                made.locks = {random() % 2 == 0 ? "x" : "y"};
            }
            if (random() % 3 == 0) {
                (random() % 2 == 0 ? made.after : made.on_success).push_back(random() % 40);
            }
            jobs.push_back(std::move(made));
        }
        Schedule schedule = schedule_of(jobs, machine);
        const PaperRun run = run_on_paper(jobs, machine, schedule, {random() % 40});
        std::vector<std::size_t> all = run.begun;
        all.insert(all.end(), run.refused.begin(), run.refused.end());
        std::sort(all.begin(), all.end());
        std::vector<std::size_t> each(jobs.size());
        std::iota(each.begin(), each.end(), 0);
        EXPECT_EQ(all, each) << "seed " << seed;
    }
}

}  // namespace
}  // namespace hexcore
