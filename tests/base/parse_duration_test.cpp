#include "hexcore/base/parse_duration.hpp"

#include <gtest/gtest.h>

#include <chrono>

namespace hexcore {
namespace {

using std::chrono::milliseconds;

TEST(ParseDuration, ReadsEachUnit) {
    EXPECT_EQ(parse_duration("500ms").value(), milliseconds(500));
    EXPECT_EQ(parse_duration("30s").value(), milliseconds(30'000));
    EXPECT_EQ(parse_duration("1.5").value(), milliseconds(1500));
    EXPECT_EQ(parse_duration("10min").value(), milliseconds(600'000));
    EXPECT_EQ(parse_duration("10m").value(), milliseconds(600'000));
    EXPECT_EQ(parse_duration("2h").value(), milliseconds(7'200'000));
}

TEST(ParseDuration, RefusesWhatIsNoTime) {
    for (const char* text : {"", "s", "-1s", "+1s", " 1s", "1 s", "1d", "nan", "inf", "0", "0.1ms",
                             "1e3s", "9000h", "1s "}) {
        EXPECT_FALSE(parse_duration(text)) << text;
    }
    EXPECT_EQ(parse_duration("1 week").error().message,
              "'1 week' has the unknown unit ' week'; use ms, s, min or h");
}

}  // namespace
}  // namespace hexcore
