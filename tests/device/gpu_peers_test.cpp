#include "hexcore/device/gpu_peers.hpp"

#include "device/fake_peers_fixture.hpp"

namespace hexcore {
namespace {

class GpuPeers : public FakePeersTest {
protected:
    static bool let(std::uint32_t a, std::uint32_t b) {
        return let_reach_each_other(a, b, HEXCORE_FAKE_PEERS);
    }
};

TEST_F(GpuPeers, ReachEachOtherBothWaysAndMoreThanOnce) {
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(let(0, 1)) << i;
        EXPECT_EQ(state_->reaches[0][1], 1);
        EXPECT_EQ(state_->reaches[1][0], 1);
    }
}

TEST_F(GpuPeers, StayApartWhereThereIsNoWay) {
    state_->are_apart = 1;
    EXPECT_FALSE(let(0, 1));
    EXPECT_EQ(state_->reaches[0][1], 0);
    EXPECT_FALSE(let(0, 2)) << "there is no third";
    EXPECT_FALSE(let_reach_each_other(0, 1, HEXCORE_FAKE_CUDA)) << "without the functions";
    EXPECT_FALSE(let_reach_each_other(0, 1, "libhexcore-absent.so.1"));
}

}  // namespace
}  // namespace hexcore
