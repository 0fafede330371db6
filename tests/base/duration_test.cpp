#include "hexcore/base/duration.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

TEST(Duration, IsReadableAtEverySize) {
    EXPECT_EQ(duration_text(0), "0.0000 ms");
    EXPECT_EQ(duration_text(0.0001234), "0.1234 ms");
    EXPECT_EQ(duration_text(0.00505), "5.05 ms");
    EXPECT_EQ(duration_text(0.099999), "100 ms");
    EXPECT_EQ(duration_text(0.178), "178 ms");
    EXPECT_EQ(duration_text(1.27), "1270 ms");
    EXPECT_EQ(duration_text(9.9996), "10.0 s");
    EXPECT_EQ(duration_text(12.34), "12.3 s");
    EXPECT_EQ(duration_text(412.4), "412 s");
    EXPECT_EQ(duration_text(1e7), "10000000 s");
}

TEST(Duration, OfHoursIsToldInHours) {
    EXPECT_EQ(long_duration_text(0.004), "0.00 s");
    EXPECT_EQ(long_duration_text(9.996), "10.0 s");
    EXPECT_EQ(long_duration_text(59.96), "1 min 00 s");
    EXPECT_EQ(long_duration_text(2467), "41 min 07 s");
    EXPECT_EQ(long_duration_text(3 * 3600 + 299), "3 h 04 min");
    EXPECT_EQ(clock_text(0.42), "0.42 s");
    EXPECT_EQ(clock_text(723), "12:03");
    EXPECT_EQ(clock_text(3723), "1:02:03");
}

TEST(Rate, IsReadableAtEverySize) {
    EXPECT_EQ(rate_text(0), "0.00");
    EXPECT_EQ(rate_text(0.417), "0.42");
    EXPECT_EQ(rate_text(9.999), "10.0");
    EXPECT_EQ(rate_text(61.53), "61.5");
    EXPECT_EQ(rate_text(99.97), "100");
    EXPECT_EQ(rate_text(142.2), "142");
    EXPECT_EQ(rate_text(12345.6), "12346");
}

}  // namespace
}  // namespace hexcore
