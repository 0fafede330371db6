#pragma once

#include <gtest/gtest.h>

#include "device/fake_driver.h"
#include "hexcore/device/dynamic_library.hpp"

namespace hexcore {

/// A driver with two GPUs whose contexts nobody keeps at a test's end.
class FakePeersTest : public ::testing::Test {
protected:
    void SetUp() override {
        const auto library = DynamicLibrary::open(HEXCORE_FAKE_PEERS);
        ASSERT_TRUE(library.has_value()) << library.error().message;
        state_ = static_cast<FakePeersState*>(library->address("fake_peers_state"));
        *state_ = {};
    }
    void TearDown() override {
        EXPECT_EQ(state_->held[0], 0);
        EXPECT_EQ(state_->held[1], 0);
    }

    FakePeersState* state_ = nullptr;
};

}  // namespace hexcore
