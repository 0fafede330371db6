#include "hexcore/device/server_wait.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string>
#include <thread>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/device/server_probe.hpp"

namespace hexcore {
namespace {

using namespace std::chrono_literals;

/// A connection whose other end is in this process too.
struct Pair {
    static std::array<int, 2> ends() {
        std::array<int, 2> made{-1, -1};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, made.data()), 0);
        return made;
    }
    explicit Pair(std::array<int, 2> made = ends()) : here(made[0]), there(made[1]) {}

    FileDescriptor here;
    FileDescriptor there;
};

/// A server that takes connections, and its address.
struct Listening {
    Listening() : socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(socket.get(), any, size), 0);
        EXPECT_EQ(::listen(socket.get(), 1), 0);
        EXPECT_EQ(::getsockname(socket.get(), any, &size), 0);
    }

    sockaddr_in address{};
    FileDescriptor socket;
};

TEST(ServerWait, WhatIsThereIsReceivedAndSent) {
    const Pair pair;
    EXPECT_EQ(send_to_server(pair.here.get(), "abc", 3, 0), 3);
    std::array<char, 8> text{};
    EXPECT_EQ(receive_from_server(pair.there.get(), text.data(), text.size(), 0), 3);
    EXPECT_EQ(std::string(text.data()), "abc");
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

TEST(ServerWaitDeathTest, AnInterruptedReceiveEndsTheProgramWith130) {
    const Pair pair;
    const auto receive = [&pair] {
        static const std::atomic<bool> flag{true};
        give_up_waiting_on(&flag);
        char byte = 0;
        (void)receive_from_server(pair.here.get(), &byte, 1, 0);
    };
    EXPECT_EXIT(receive(), testing::ExitedWithCode(130), "interrupted while the RPC server");
}

TEST(ServerWaitDeathTest, AServerThatDoesNotAnswerIsLostAfterTheTimeThatTheUserGaveIt) {
    const Pair pair;
    const auto receive = [&pair] {
        ::setenv("HEXCORE_RPC_TIMEOUT", "1", 1);
        char byte = 0;
        (void)receive_from_server(pair.here.get(), &byte, 1, 0);
    };
    EXPECT_EXIT(receive(), testing::ExitedWithCode(5), "counts as lost");
}

TEST(ServerWait, OnlyABlockingConnectionOverIpv4MayWaitForAServer) {
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
            std::this_thread::sleep_for(100ms);
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
}  // namespace hexcore
