#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

struct CountedRecords : RecordSink {
    void run(const RecordedRun& /*run*/) override {}
    void device(const RecordedDevice& /*device*/) override {}
    void row(const RecordedRow& row) override {
        ++rows;
        most = std::max(most, row.total());
        last = row.time;
    }
    void thinned(RecordedTime /*from*/, std::chrono::microseconds width) override {
        bucket = width;
    }
    void end(const RecordedEnd& /*end*/) override { ended = true; }

    void event(const RecordedEvent& /*event*/) override { ++events; }
    void site(const RecordedSiteSum& /*sum*/) override { ++sites; }
    void amounts(const RecordedAmounts& told) override {
        ++amounts_told;
        most_told = std::max(most_told, told.total());
    }
    void label_sum(const RecordedLabelSum& sum) override { labels = sum.count; }

    std::size_t rows = 0;
    std::size_t events = 0;
    std::size_t sites = 0;
    std::size_t amounts_told = 0;
    Bytes most_told;
    std::uint64_t labels = 0;
    Bytes most;
    RecordedTime last{};
    std::chrono::microseconds bucket{};
    bool ended = false;
};

/// The worst there is: each of twenty processes has another size in each sample.
TEST(LongRecording, OfADayIsUnder30MiBAndOpens) {
    test::RecordedFile file;
    file.writer().run(test::some_run());
    file.writer().device(test::some_host());
    std::minstd_rand random(11);
    RecordedRow row = test::host_row(milliseconds(0), {}, 8_GiB);
    for (std::uint64_t i = 1; i <= 20; ++i) {
        row.parts.push_back({test::some_process(i), Bytes()});
    }
    Bytes most;
    for (; row.time <= hours(24); row.time += milliseconds(100)) {
        for (RecordedPart& part : row.parts) {
            part.bytes = Bytes(4096) * (50'000 + random() % 5'000);
        }
        most = std::max(most, row.total());
        file.writer().row(row);
    }
    file.writer().end({.time = hours(24)});
    EXPECT_EQ(file.writer().problem(), "");
    EXPECT_LT(Bytes(file.writer().size()), 30_MiB);

    const std::string bytes = file.bytes();
    test::BytesSource source(bytes);
    CountedRecords counted;
    const auto outcome = read_recording(source, "day.hxr", counted);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->unreadable_bytes, 0U);
    EXPECT_TRUE(counted.ended);
    EXPECT_EQ(counted.most, most) << "the peak is never thinned away";
    EXPECT_GT(counted.bucket, milliseconds(100));
    EXPECT_GT(counted.last, hours(24) - std::chrono::minutes(1));
    EXPECT_GT(counted.rows, 100'000U);
}

/// Of five holders that change all the time, ten steps a second and twenty allocations in each,
/// at a thousand sites.
TEST(LongRecording, OfADayOfWhatProgramsTellIsUnder30MiBAndOpens) {
    test::RecordedFile file;
    file.writer().run(test::some_run());
    file.writer().device(test::some_host());
    std::minstd_rand random(13);
    const auto process = test::some_process(1);
    const TextRef step = test::some_text(1, "step");
    std::vector<TextRef> purposes;
    for (std::uint64_t i = 0; i < 200; ++i) {
        purposes.push_back(test::some_text(2 + i, fmt::format("purpose {}", i)));
    }
    std::vector<HolderRef> holders;
    for (std::uint64_t i = 1; i <= 5; ++i) {
        holders.push_back(test::some_holder(i, process));
    }
    std::uint64_t steps = 0;
    Bytes most;
    for (RecordedTime now{}; now <= hours(24); now += milliseconds(100)) {
        ++steps;
        file.writer().label({now, LabelEdge::begin, process, 7, step});
        for (std::uint64_t i = 0; i < 20; ++i) {
            const RecordedSite site{holders[i % 5], purposes[random() % 200], step, nullptr};
            file.writer().event(
                {now, i < 10 ? EventKind::taken : EventKind::released, i, 1_MiB, site, {}});
        }
        file.writer().label({now, LabelEdge::end, process, 7, step});
        for (const HolderRef& holder : holders) {
            RecordedAmounts amounts{now, holder, {}};
            for (std::size_t i = 0; i < 5; ++i) {
                amounts.amounts.push_back({purposes[i], Bytes(random())});
            }
            most = std::max(most, amounts.total());
            file.writer().amounts(amounts);
        }
        file.writer().row({.device = 0,
                           .time = now,
                           .parts = {{process, Bytes(4096)}},
                           .others = {},
                           .free = {}});
    }
    file.writer().end({.time = hours(24)});
    EXPECT_EQ(file.writer().problem(), "");
    EXPECT_LT(Bytes(file.writer().size()), 30_MiB);

    const std::string bytes = file.bytes();
    test::BytesSource source(bytes);
    CountedRecords counted;
    const auto outcome = read_recording(source, "day.hxr", counted);
    ASSERT_TRUE(outcome.has_value());
    EXPECT_EQ(outcome->unreadable_bytes, 0U);
    EXPECT_TRUE(counted.ended);
    EXPECT_EQ(counted.labels, steps) << "all are counted";
    EXPECT_GT(counted.events, 100'000U);
    EXPECT_GT(counted.sites, 1000U);
    EXPECT_EQ(counted.most_told, most) << "the largest amounts are never thinned away";
}

}  // namespace
}  // namespace hexcore
