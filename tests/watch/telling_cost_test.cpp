#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <ctime>

#include "hexcore/recording/recording_writer.hpp"
#include "hexcore/track/ring_writer.hpp"
#include "hexcore/watch/analysis.hpp"
#include "hexcore/watch/listener.hpp"
#include "hexcore/watch/record_fan.hpp"
#include "support/recordings.hpp"
#include "support/temp_folder.hpp"

namespace hexcore {
namespace {

double processor_seconds() {
    return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

/// By the time of the processor, of which other programs take nothing. It is a tenth of a second.
TEST(TellingCost, AHundredThousandEventsASecondAreToldHeardAndRecordedOnOneCore) {
    const test::TempFolder folder;
    const auto ring = RingWriter::make(folder.path().string(), ring_capacity_usual);
    const auto process = test::some_process(1);
    Listener listener({.folder = folder.path(),
                       .start = {},
                       .find = [&](std::uint32_t /*pid*/) { return process; },
                       .add_unseen = [&](std::uint32_t /*pid*/) { return process; }});
    test::RecordedFile file;
    Analysis analysis;
    RecordFan fan({&analysis, &file.writer()});
    fan.run(test::some_run());
    const std::uint64_t total = 0;
    const std::string_view device = "host0";
    ASSERT_TRUE(ring->put(
        {.kind = RingKind::holder, .holder = 1, .numbers = {&total, 1}, .texts = {&device, 1}}));

    constexpr std::uint64_t n_events = 100'000;
    const double before = processor_seconds();
    const std::string_view purpose = "compute";
    for (std::uint64_t i = 0; i < n_events / 2; ++i) {
        const std::array<std::uint64_t, 3> taken{i, 4096, 0};
        ASSERT_TRUE(ring->put({.kind = RingKind::taken,
                               .holder = 1,
                               .time_ns = i,
                               .numbers = taken,
                               .texts = {&purpose, 1}}));
        ASSERT_TRUE(ring->put(
            {.kind = RingKind::released, .holder = 1, .time_ns = i, .numbers = {taken.data(), 1}}));
        if (i % 5'000 == 0) {  // ten times a second
            listener.listen(std::chrono::milliseconds(i / 50), fan);
        }
    }
    listener.finish(std::chrono::seconds(1), fan);
    EXPECT_LT(processor_seconds() - before, 1.0);
    fan.end({.time = std::chrono::seconds(1)});

    const std::string bytes = file.bytes();
    test::BytesSource source(bytes);
    test::KeptRecords kept;
    const auto read = read_recording(source, "test.hxr", kept);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->unreadable_bytes, 0U);
    EXPECT_EQ(kept.events.size(), n_events) << "and none is lost";
}

}  // namespace
}  // namespace hexcore
