// A program's tests with GoogleTest: budgets that `hexcore test` keeps, and what tests leave.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hexcore/testing/gtest.hpp"

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

/// Something that keeps what it was given.
std::vector<std::vector<char>> cache;
/// An allocator of a device would count its bytes like this.
std::uint64_t device_bytes = 0;

// Enforced: the test is ended where it and all its processes take more.
HEXCORE_TEST_MEMORY(Cache, GrowsWithUse, "512MiB");
HEXCORE_TEST_TIMEOUT(Cache, GrowsWithUse, "30s");
TEST(Cache, GrowsWithUse) {
    cache.emplace_back(150 * mebibyte, 'x');
    EXPECT_EQ(cache.size(), 1U);
}

// Said also where the test fails.
class Device : public hexcore::testing::CleanMemory {};
TEST_F(Device, GivesBackWhatItTook) {
    device_bytes += 200 * mebibyte;
    EXPECT_EQ(held_before().size(), 2U);
}

TEST(Cache, IsCleared) { cache.clear(); }

}  // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    hexcore::testing::watch_device("cuda:0", [] { return device_bytes; });
    hexcore::testing::watch_memory();
    return RUN_ALL_TESTS();
}
