#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace {

class Trivial : public ::testing::TestWithParam<int> {};
TEST_P(Trivial, Passes) { EXPECT_GE(GetParam(), 0); }
INSTANTIATE_TEST_SUITE_P(All, Trivial, ::testing::Range(0, 1000));

/// Test N takes as many milliseconds as line N of the file says that MIXED_TESTS names.
class Mixed : public ::testing::TestWithParam<int> {};
TEST_P(Mixed, TakesItsTime) {
    const char* name = std::getenv("MIXED_TESTS");
    std::ifstream times(name == nullptr ? "" : name);
    useconds_t time_ms = 0;
    for (int line = 0; line <= GetParam(); ++line) {
        ASSERT_TRUE(times >> time_ms);
    }
    ::usleep(time_ms * 1000);
}
INSTANTIATE_TEST_SUITE_P(All, Mixed, ::testing::Range(0, 200));

}  // namespace
