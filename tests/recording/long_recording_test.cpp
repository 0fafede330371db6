#include <gtest/gtest.h>

#include <array>
#include <random>

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

    std::size_t rows = 0;
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

}  // namespace
}  // namespace hexcore
