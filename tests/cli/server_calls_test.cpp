#include "hexcore/cli/server_calls.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <string>

#include "hexcore/device/server_wait.hpp"
#include "support/connections.hpp"

namespace hexcore::test {
namespace {

TEST(ServerCalls, WhatIsThereIsReceivedAndSent) {
    const Pair pair;
    EXPECT_EQ(send_to_server(pair.here.get(), "abc", 3, 0), 3);
    std::array<char, 8> text{};
    EXPECT_EQ(receive_from_server(pair.there.get(), text.data(), text.size(), 0), 3);
    EXPECT_EQ(std::string(text.data()), "abc");
}

TEST(ServerCallsDeathTest, AnInterruptedReceiveEndsTheProgramWith130) {
    const Pair pair;
    const auto receive = [&pair] {
        static const std::atomic<bool> flag{true};
        give_up_waiting_on(&flag);
        char byte = 0;
        (void)receive_from_server(pair.here.get(), &byte, 1, 0);
    };
    EXPECT_EXIT(receive(), testing::ExitedWithCode(130), "interrupted while the RPC server");
}

TEST(ServerCallsDeathTest, AServerThatDoesNotAnswerIsLostAfterTheTimeThatTheUserGaveIt) {
    const Pair pair;
    const auto receive = [&pair] {
        ::setenv("HEXCORE_RPC_TIMEOUT", "1", 1);
        char byte = 0;
        (void)receive_from_server(pair.here.get(), &byte, 1, 0);
    };
    EXPECT_EXIT(receive(), testing::ExitedWithCode(5), "counts as lost");
}

TEST(ServerCalls, OnlyABlockingConnectionOverIpv4MayWaitForAServer) {
    const Pair pair;
    EXPECT_FALSE(may_wait_for_server(pair.here.get(), 0));
    const Listening server;
    const FileDescriptor client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_FALSE(may_wait_for_server(client.get(), 0)) << "not connected";
    ASSERT_EQ(::connect(client.get(), reinterpret_cast<const sockaddr*>(&server.address),
                        sizeof(server.address)),
              0);
    EXPECT_TRUE(may_wait_for_server(client.get(), 0));
    EXPECT_FALSE(may_wait_for_server(client.get(), MSG_DONTWAIT));
    ASSERT_EQ(::fcntl(client.get(), F_SETFL, O_NONBLOCK), 0);
    EXPECT_FALSE(may_wait_for_server(client.get(), 0));
}

}  // namespace
}  // namespace hexcore::test
