#include "hexcore/base/deep_stack.hpp"

#include <gtest/gtest.h>

namespace hexcore {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

/// Takes so much of the stack.
[[gnu::noinline]] std::size_t sum_of(volatile char* above, std::size_t bytes) {
    volatile char here[1024];
    for (std::size_t i = 0; i < sizeof here; ++i) {
        here[i] = static_cast<char>(above[0] + 1);
    }
    const std::size_t below = bytes > sizeof here ? sum_of(here, bytes - sizeof here) : 0;
    return below + static_cast<std::size_t>(here[0]);
}

TEST(DeepStack, IsAsDeepAsAskedFor) {
    const DeepStack stack(64 * mib);
    std::size_t sum = 0;
    volatile char first = 1;
    ASSERT_TRUE(stack.run([&] { sum = sum_of(&first, 40 * mib); }));
    EXPECT_GT(sum, 0U);
    EXPECT_GE(stack.used(), 40 * mib);
    EXPECT_LE(stack.used(), 64 * mib);
}

TEST(DeepStack, TellsWhatOfItWasUsed) {
    const DeepStack stack(16 * mib);
    EXPECT_EQ(stack.used(), 0U);
    volatile char first = 1;
    ASSERT_TRUE(stack.run([] {}));
    const std::size_t little = stack.used();
    ASSERT_TRUE(stack.run([&] { (void)sum_of(&first, 2 * mib); }));
    EXPECT_LT(little, mib);
    EXPECT_GE(stack.used(), little + mib);
}

TEST(DeepStack, OfNoPossibleSizeRunsNothing) {
    bool ran = false;
    EXPECT_FALSE(DeepStack(std::size_t{1} << 60).run([&] { ran = true; }));
    EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace hexcore
