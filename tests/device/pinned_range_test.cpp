#include "hexcore/device/pinned_range.hpp"

#include <array>

#include "device/fake_peers_fixture.hpp"

namespace hexcore {
namespace {

class PinnedRanges : public FakePeersTest {
protected:
    void TearDown() override {
        EXPECT_EQ(state_->pinned_bytes, 0U);
        FakePeersTest::TearDown();
    }

    std::array<std::byte, 64> memory_{};
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
