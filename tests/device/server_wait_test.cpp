#include "hexcore/device/server_wait.hpp"

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <string>
#include <thread>

#include "hexcore/device/server_probe.hpp"
#include "support/connections.hpp"

namespace hexcore::test {
namespace {

using namespace std::chrono_literals;

TEST(ServerWait, WhatIsReadyIsNotWaitedFor) {
    const Pair pair;
    EXPECT_EQ(wait_for_server(pair.here.get(), POLLOUT, 0ms), ServerWait::ready);
}

TEST(ServerWait, EndsAtItsTimeAndWhenItIsGivenUp) {
    const Pair pair;
    EXPECT_EQ(wait_for_server(pair.here.get(), POLLIN, 1ms), ServerWait::timed_out);
    const std::atomic<bool> flag{true};
    give_up_waiting_on(&flag);
    EXPECT_EQ(wait_for_server(pair.here.get(), POLLIN, 1h), ServerWait::given_up);
    give_up_waiting_on(nullptr);
}

TEST(ServerProbe, WaitsNoLongerForAServerThatAnswersBitByBit) {
    const Listening server;
    int sent = 0;
    std::thread slow([&server, &sent] {
        const FileDescriptor client(::accept(server.socket.get(), nullptr, nullptr));
        std::array<char, 64> hello{};
        (void)::recv(client.get(), hello.data(), hello.size(), 0);
        // The whole answer has 36 bytes; the client that has gone away ends this.
        while (sent < 35 && ::send(client.get(), "", 1, MSG_NOSIGNAL) == 1) {
            ++sent;
            std::this_thread::sleep_for(200ms);
        }
    });
    const auto version =
        probe_server("127.0.0.1:" + std::to_string(ntohs(server.address.sin_port)), 250ms);
    slow.join();
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().code, ErrorCode::missing_device);
    EXPECT_NE(version.error().message.find("not answered for 0.25 s"), std::string::npos);
    EXPECT_LT(sent, 35);
}

}  // namespace
}  // namespace hexcore::test
