#include "hexcore/device/pinned_range.hpp"

#include <gtest/gtest.h>

#include <array>

#include "device/fake_driver.h"

namespace hexcore {
namespace {

class PinnedRanges : public ::testing::Test {
protected:
    void SetUp() override {
        const auto library = DynamicLibrary::open(HEXCORE_FAKE_PEERS);
        ASSERT_TRUE(library.has_value()) << library.error().message;
        state_ = static_cast<FakePeersState*>(library->address("fake_peers_state"));
        *state_ = {};
    }
    void TearDown() override {
        EXPECT_EQ(state_->pinned_bytes, 0U);
        EXPECT_EQ(state_->held[1], 0);
    }

    std::array<std::byte, 64> memory_{};
    FakePeersState* state_ = nullptr;
};

TEST_F(PinnedRanges, ArePinnedOnceForAllAndGivenBackByTheLast) {
    auto first = PinnedRange::of(memory_.data(), memory_.size(), 1, HEXCORE_FAKE_PEERS);
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(state_->pinned_bytes, memory_.size());
    const auto second = PinnedRange::of(memory_.data(), memory_.size(), 0, HEXCORE_FAKE_PEERS);
    EXPECT_EQ(first, second);
    first.reset();
    EXPECT_EQ(state_->pinned_bytes, memory_.size());
}

TEST_F(PinnedRanges, ArePinnedAnewAfterTheLast) {
    for (int time = 0; time < 3; ++time) {
        const auto range = PinnedRange::of(memory_.data(), memory_.size(), 1, HEXCORE_FAKE_PEERS);
        ASSERT_NE(range, nullptr) << time;
        EXPECT_EQ(state_->pinned_bytes, memory_.size()) << time;
    }
}

TEST_F(PinnedRanges, AreNoneWhereTheDriverRefuses) {
    state_->pin_status = 2;
    EXPECT_EQ(PinnedRange::of(memory_.data(), memory_.size(), 1, HEXCORE_FAKE_PEERS), nullptr);
    state_->pin_status = 0;
    EXPECT_EQ(PinnedRange::of(memory_.data(), memory_.size(), 2, HEXCORE_FAKE_PEERS), nullptr)
        << "there is no third GPU";
    EXPECT_EQ(PinnedRange::of(memory_.data(), memory_.size(), 0, "libhexcore-absent.so.1"),
              nullptr);
}

}  // namespace
}  // namespace hexcore
