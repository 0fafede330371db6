#include "hexcore/watch/growth.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace hexcore {
namespace {

using std::chrono::milliseconds;

constexpr double mib = 1 << 20;

/// Ten minutes at ten samples a second: MiB as a function of seconds.
Growth judged(const std::function<double(double)>& mib_at, int samples = 6000) {
    GrowthSeries series;
    for (int i = 0; i < samples; ++i) {
        series.add(milliseconds(100 * i),
                   Bytes(static_cast<std::uint64_t>(mib_at(i / 10.0) * mib)));
    }
    return series.judge();
}

TEST(Growth, OfALeakUnderNoiseIsFoundAndSized) {
    std::mt19937 random(3);
    std::normal_distribution<double> noise(0, 5);
    const Growth growth = judged([&](double s) { return 500 + 0.5 * s + noise(random); });
    EXPECT_EQ(growth.verdict, Verdict::growing);
    EXPECT_NEAR(growth.bytes_per_s, 0.5 * mib, 0.01 * mib);
    EXPECT_LE(growth.bytes_per_s_least, 0.5 * mib);
    EXPECT_GE(growth.bytes_per_s_most, 0.5 * mib);
}

TEST(Growth, IsNoneWherePlainMemoryOnlyVaries) {
    std::mt19937 random(4);
    std::normal_distribution<double> noise(0, 20);
    EXPECT_EQ(judged([](double) { return 500.0; }).verdict, Verdict::none);
    EXPECT_EQ(judged([&](double) { return 5000 + noise(random); }).verdict, Verdict::none);
    EXPECT_EQ(judged([](double s) { return 900 - s; }).verdict, Verdict::none);
}

TEST(Growth, IsNoneAfterAWarmUp) {
    const Growth growth = judged([](double s) { return s < 140 ? 10 * s : 1400.0; });
    EXPECT_EQ(growth.verdict, Verdict::none);
    EXPECT_NEAR(std::chrono::duration<double>(growth.warm_up).count(), 150, 1);
}

TEST(Growth, OfACacheThatFillsLateIsNotCalledSoAndIsOneOnceItIsFlatForHalfTheTime) {
    const Growth step = judged([](double s) { return s < 400 ? 500.0 : 900.0; });
    EXPECT_EQ(step.verdict, Verdict::inconclusive);
    EXPECT_THAT(step.why, ::testing::HasSubstr("rose by 400 MiB, but not all of the time"));
    const Growth filling = judged([](double s) { return 500 + std::min(s, 350.0); });
    EXPECT_EQ(filling.verdict, Verdict::cache);
    EXPECT_EQ(judged([](double s) { return 500 + std::min(s, 400.0); }).verdict,
              Verdict::inconclusive);
}

TEST(Growth, OfASawtoothIsNotCalledSo) {
    const auto sawtooth = [](double s) { return 500 + std::fmod(s, 37) * 10; };
    EXPECT_EQ(judged(sawtooth).verdict, Verdict::none) << "as fast as noise";
    EXPECT_EQ(judged([&](double s) { return sawtooth(s) + 3 * s; }).verdict, Verdict::growing);
}

TEST(Growth, OfTooFewSamplesIsInconclusiveAndSaysWhatIsMissing) {
    const Growth growth = judged([](double s) { return 100 * s; }, 10);
    EXPECT_EQ(growth.verdict, Verdict::inconclusive);
    EXPECT_THAT(growth.why, ::testing::HasSubstr("too short"));
    EXPECT_EQ(GrowthSeries().judge().verdict, Verdict::inconclusive);
}

TEST(Growth, OfADayIsTheSameInBoundedMemory) {
    const Growth growth = judged([](double s) { return 500 + 0.01 * s; }, 864'000);
    EXPECT_EQ(growth.verdict, Verdict::growing);
    EXPECT_NEAR(growth.bytes_per_s, 0.01 * mib, 0.001 * mib);
}

TEST(Growth, SurvivesTimesThatNoRecordingHas) {
    GrowthSeries series;
    for (const std::int64_t us : {std::int64_t{0}, std::int64_t{1} << 53U, std::int64_t{5}}) {
        series.add(RecordedTime(us), recorded_bytes_max * 4096);
    }
    EXPECT_EQ(series.judge().verdict, Verdict::inconclusive);
}

}  // namespace
}  // namespace hexcore
