#include "hexcore/watch/alerts.hpp"

#include <gtest/gtest.h>

#include "support/recordings.hpp"

namespace hexcore {
namespace {

using std::chrono::milliseconds;

/// Of main memory, with one process.
struct Rows {
    explicit Rows(AlertSink& to) : sink(to) { sink.device(test::some_host()); }
    std::vector<Alert> after(Bytes used) {
        sink.row(test::host_row(milliseconds(++time_ms), {{process, used}}));
        return sink.take();
    }
    AlertSink& sink;
    ProcessRef process = test::some_process(1);
    int time_ms = 0;
};

TEST(Alerts, ComeOnceWhenADevicePassesTheThreshold) {
    AlertSink sink(100_MiB);
    Rows rows(sink);
    EXPECT_TRUE(rows.after(50_MiB).empty()) << "what it had at the start";
    EXPECT_TRUE(rows.after(149_MiB).empty());
    const auto alerts = rows.after(150_MiB);
    ASSERT_EQ(alerts.size(), 1U);
    EXPECT_EQ(alerts[0].device, "host");
    EXPECT_EQ(alerts[0].used, 150_MiB);
    EXPECT_EQ(alerts[0].since_start, 100_MiB);
    EXPECT_TRUE(rows.after(200_MiB).empty()) << "it was told";
}

TEST(Alerts, ComeAgainOnceTheDeviceFellBelowHalfOfIt) {
    AlertSink sink(100_MiB);
    Rows rows(sink);
    (void)rows.after(10_MiB);
    EXPECT_EQ(rows.after(120_MiB).size(), 1U);
    EXPECT_TRUE(rows.after(90_MiB).empty());
    EXPECT_TRUE(rows.after(120_MiB).empty()) << "it only wavered";
    EXPECT_TRUE(rows.after(20_MiB).empty());
    EXPECT_EQ(rows.after(120_MiB).size(), 1U);
}

TEST(Alerts, AreNoneWithoutAThresholdOrBelowTheStart) {
    AlertSink none(Bytes(0));
    EXPECT_TRUE(Rows(none).after(9_GiB).empty());
    AlertSink sink(100_MiB);
    Rows rows(sink);
    (void)rows.after(500_MiB);
    EXPECT_TRUE(rows.after(10_MiB).empty());
}

}  // namespace
}  // namespace hexcore
