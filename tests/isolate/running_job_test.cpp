#include "hexcore/isolate/running_job.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "paper_suite.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// A process of two tests, the run's 5 and 6, that a signal ended, and that left another process.
class JobOfTwo {
public:
    explicit JobOfTwo(PaperJob::Steps steps) {
        CageOutcome outcome;
        tests_[0].id = "one";
        tests_[1].id = "two";
        outcome.began = true;
        outcome.signalled = true;
        outcome.code = SIGTERM;
        outcome.residues.push_back({.name = "sleep", .bytes = 1_MiB});
        RunningJob::Facts facts;
        facts.tests = {5, 6};
        facts.cases = {&tests_[0], &tests_[1]};
        facts.timeout = 1s;
        job_ = std::make_unique<RunningJob>(
            std::move(facts), std::make_unique<PaperJob>(std::move(steps), outcome), 0s);
    }
    RunningJob& job() { return *job_; }

    std::vector<EndedTest> step(RunningJob::Time now = 2s) {
        std::vector<EndedTest> ended;
        is_over = job_->step(now, ended);
        return ended;
    }

    bool is_over = false;

private:
    TestCase tests_[2];
    std::unique_ptr<RunningJob> job_;
};

using Kind = TestJudgement::Kind;

TEST(RunningJob, ATestPaysForNoneBeforeItThatWasAskedToEnd) {
    for (const bool is_told : {false, true}) {  // the suite says that it crashed, or nothing
        JobOfTwo two(
            {{PaperJob::begins(0)},
             {PaperJob::ends(0), PaperJob::begins(1)},
             is_told ? std::vector{PaperJob::ends(1, Kind::crashed)} : std::vector<JobEvent>{}});
        EXPECT_TRUE(two.step().empty());
        two.job().end(EndedByUs::timed_out, 1s);
        const auto ended = two.step();
        ASSERT_EQ(ended.size(), 1);
        EXPECT_EQ(ended[0].test, 5);
        EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::passed);
        EXPECT_TRUE(two.step().empty());
        EXPECT_TRUE(two.is_over);
        EXPECT_EQ(two.job().left(), std::vector<std::size_t>{6});  // runs again
    }
}

TEST(RunningJob, ATestThatIsEndedItselfHasThatVerdict) {
    JobOfTwo two({{PaperJob::begins(0)}, {PaperJob::ends(0, Kind::crashed)}});
    EXPECT_TRUE(two.step().empty());
    two.job().end(EndedByUs::timed_out, 1s);
    const auto ended = two.step();
    ASSERT_EQ(ended.size(), 1);
    EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::timed_out);
}

TEST(RunningJob, ATestThatWasOverBeforeItsProcessWasEndedKeepsItsVerdict) {
    JobOfTwo two({{PaperJob::begins(0), PaperJob::ends(0)}, {}});
    EXPECT_TRUE(two.step().empty());
    two.job().kill(EndedByUs::memory_short, 1s);
    const auto ended = two.step();
    ASSERT_EQ(ended.size(), 1);
    EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::passed);
    EXPECT_FALSE(ended[0].attempt.for_memory);
}

TEST(RunningJob, ASecondWordOfATestsEndTakesTheFirstsPlace) {
    JobOfTwo two({{PaperJob::begins(0), PaperJob::ends(0), PaperJob::begins(1)},
                  {PaperJob::ends(1)},
                  {PaperJob::ends(1, Kind::failed)}});
    EXPECT_EQ(two.step().size(), 1);
    EXPECT_TRUE(two.step().empty());
    const auto ended = two.step();
    ASSERT_EQ(ended.size(), 1);
    EXPECT_EQ(ended[0].test, 6);
    EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::failed);
}

TEST(RunningJob, WhatIsLeftIsNobodysWhereSeveralTestsRan) {
    for (const bool both_ran : {true, false}) {
        PaperJob::Steps steps = {{PaperJob::begins(0)}, {PaperJob::ends(0)}};
        if (both_ran) {
            steps.push_back({PaperJob::begins(1), PaperJob::ends(1)});
        }
        JobOfTwo two(std::move(steps));
        std::vector<EndedTest> ended;
        while (!two.is_over) {
            for (EndedTest& test : two.step()) {
                ended.push_back(std::move(test));
            }
        }
        ASSERT_EQ(ended.size(), both_ran ? 2 : 1);
        const Attempt& last = ended.back().attempt;
        EXPECT_EQ(last.residues.size(), 1);
        ASSERT_EQ(last.left_by_one_of.has_value(), both_ran);
        if (both_ran) {
            EXPECT_FALSE(ended[0].attempt.left_by_one_of);
            EXPECT_EQ(one_of(*last.left_by_one_of),
                      "one of the 2 tests of its process, one to two");
        }
    }
}

TEST(RunningJob, EachRepeatHasTheWholeTimeout) {
    const JobEvent repeat{.kind = JobEvent::Kind::repeat_ends, .test = 0};
    JobOfTwo two({{PaperJob::begins(0)}, {repeat}, {}});
    EXPECT_TRUE(two.step(2s).empty());
    EXPECT_EQ(two.job().next_deadline(), 3s);
    EXPECT_TRUE(two.step(2900ms).empty());
    EXPECT_EQ(two.job().next_deadline(), 3900ms);
    EXPECT_EQ(two.job().current_since(), 2s);
}

TEST(RunningJob, WhatAWorkerTellsOfDevicesCountsForItsTest) {
    JobEvent end = PaperJob::ends(0);
    end.devices = {{"cuda:0", 3_GiB}, {"cuda:1", 0_B}};
    JobOfTwo two({{PaperJob::begins(0)}, {end, PaperJob::begins(1)}, {PaperJob::ends(1)}});
    EXPECT_TRUE(two.step().empty());
    const auto first = two.step();
    ASSERT_EQ(first.size(), 1);
    ASSERT_EQ(first[0].attempt.devices.size(), 1);
    EXPECT_EQ(first[0].attempt.devices[0].device, "cuda:0");
    EXPECT_EQ(first[0].attempt.devices[0].peak, 3_GiB);
    EXPECT_TRUE(two.step().at(0).attempt.devices.empty()) << "the next had none";
}

TEST(RunningJob, WhereNoneBeganTheFirstHasTheVerdict) {
    JobOfTwo two({{}, {}});
    EXPECT_TRUE(two.step().empty());
    two.job().end(EndedByUs::timed_out, 1s);
    const auto ended = two.step();
    ASSERT_EQ(ended.size(), 1);
    EXPECT_EQ(ended[0].test, 5);
    EXPECT_EQ(ended[0].attempt.verdict, TestVerdict::timed_out);
}

DeviceReading gpu_with(Bytes bytes) {
    return {"cuda:0", {{1, "paper", bytes}, {99, "somebody else's", 5_GiB}}};
}

/// Milliseconds and MiB of each sample.
std::vector<std::pair<long, std::uint64_t>> curve_of(const std::vector<MemorySample>& samples) {
    std::vector<std::pair<long, std::uint64_t>> curve;
    for (const MemorySample& sample : samples) {
        curve.emplace_back(sample.time.count(), sample.bytes.count() >> 20U);
    }
    return curve;
}

TEST(RunningJob, KeepsACurveOfADeviceForEachTest) {
    JobOfTwo two({{PaperJob::begins(0)}, {PaperJob::ends(0), PaperJob::begins(1)}, {}});
    EXPECT_TRUE(two.step().empty());
    for (const auto& [bytes, at] :
         {std::pair{Bytes(), 2100ms}, std::pair{3_GiB, 2200ms}, std::pair{1_GiB, 2300ms}}) {
        two.job().take_device_reading(gpu_with(bytes), at);
    }
    EXPECT_EQ(two.job().held_devices().at(0).held, 1_GiB);
    const auto first = two.step();
    ASSERT_EQ(first.size(), 1);
    const DeviceUse& use = first[0].attempt.devices.at(0);
    EXPECT_EQ(use.device, "cuda:0");
    EXPECT_EQ(use.peak, 3_GiB);
    EXPECT_THAT(curve_of(use.samples),
                testing::ElementsAre(testing::Pair(0, 0), testing::Pair(200, 3072),
                                     testing::Pair(300, 1024)));
    two.job().take_device_reading(gpu_with(2_GiB), 2100ms);  // 100 ms after it began
    const auto second = two.step();
    ASSERT_EQ(second.size(), 1);
    EXPECT_EQ(second[0].attempt.devices.at(0).peak, 2_GiB);
    EXPECT_THAT(curve_of(second[0].attempt.devices.at(0).samples),
                testing::ElementsAre(testing::Pair(100, 2048)))
        << "what its process had before it began is not known to be zero";
}

TEST(MemoryCurve, KeepsTheLargestOfAnyNumberOfSamples) {
    for (const unsigned largest : {0U, 12'345U, 99'999U}) {
        MemoryCurve curve;
        for (unsigned i = 0; i < 100'000; ++i) {
            curve.add(1ms * i, i == largest ? 2_GiB : 1_MiB);
        }
        const std::vector<MemorySample> samples = curve.take();
        EXPECT_LE(samples.size(), MemoryCurve::most);
        EXPECT_GE(samples.size(), MemoryCurve::most / 4);
        EXPECT_TRUE(std::any_of(samples.begin(), samples.end(), [](const MemorySample& sample) {
            return sample.bytes == 2_GiB;
        })) << largest;
        EXPECT_TRUE(curve.is_empty());
    }
}

}  // namespace
}  // namespace hexcore
