#include "hexcore/cli/server_calls.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "hexcore/device/server_wait.hpp"
#include "support/connections.hpp"

namespace hexcore::test {
namespace {

FileDescriptor stream_socket() {
    return FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

/// A server that lets nobody in any more, as one that is stopped.
struct FullServer : Listening {
    FullServer() {
        for (unsigned i = 0; i < 2; ++i) {  // as many as Listening's backlog lets wait
            waiting.push_back(stream_socket());
            EXPECT_EQ(::connect(waiting.back().get(), as_any(address), sizeof(address)), 0);
            while (unaccepted() <= i) {
                ::usleep(1000);
            }
        }
    }
    static const sockaddr* as_any(const sockaddr_in& address) {
        return reinterpret_cast<const sockaddr*>(&address);
    }
    /// The kernel tells it here of a socket that listens.
    [[nodiscard]] unsigned unaccepted() const {
        tcp_info info{};
        socklen_t size = sizeof(info);
        EXPECT_EQ(::getsockopt(socket.get(), IPPROTO_TCP, TCP_INFO, &info, &size), 0);
        return info.tcpi_unacked;
    }

    std::vector<FileDescriptor> waiting;
};

/// Whether a connection to the server has been begun and not been answered.
bool is_connecting(const sockaddr_in& address) {
    const std::string to = fmt::format(":{:04X} 02 ", ntohs(address.sin_port));
    std::ifstream rows("/proc/self/net/tcp");
    for (std::string row; std::getline(rows, row);) {
        if (row.find(to) != std::string::npos) {
            return true;
        }
    }
    return false;
}

int connect_to(const FileDescriptor& client, const sockaddr_in& address) {
    return connect_to_server(client.get(), FullServer::as_any(address), sizeof(address));
}

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

TEST(ServerCalls, AServerIsConnectedToAndTheSocketBlocksAsBefore) {
    const Listening server;
    const FileDescriptor client = stream_socket();
    const int flags = ::fcntl(client.get(), F_GETFL);
    EXPECT_EQ(connect_to(client, server.address), 0);
    EXPECT_EQ(::fcntl(client.get(), F_GETFL), flags);
    EXPECT_TRUE(may_wait_for_server(client.get(), 0));
}

TEST(ServerCalls, WhoeverDoesNotListenRefusesAConnection) {
    const FileDescriptor taken = stream_socket();
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    socklen_t size = sizeof(address);
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(::bind(taken.get(), any, size), 0);
    ASSERT_EQ(::getsockname(taken.get(), any, &size), 0);
    const FileDescriptor client = stream_socket();
    const int flags = ::fcntl(client.get(), F_GETFL);
    EXPECT_EQ(connect_to(client, address), -1);
    EXPECT_EQ(errno, ECONNREFUSED);
    EXPECT_EQ(::fcntl(client.get(), F_GETFL), flags);
}

TEST(ServerCalls, AServerThatAcceptsLateIsWaitedFor) {
    const FullServer server;
    const FileDescriptor client = stream_socket();
    std::thread late([&] {
        while (!is_connecting(server.address)) {
            ::usleep(1000);
        }
        const FileDescriptor first(::accept(server.socket.get(), nullptr, nullptr));
        const FileDescriptor second(::accept(server.socket.get(), nullptr, nullptr));
    });
    EXPECT_EQ(connect_to(client, server.address), 0);
    late.join();
}

TEST(ServerCallsDeathTest, AnInterruptWhileAServerLetsNobodyInEndsTheProgramWith130) {
    const FullServer server;
    const auto connect = [&server] {
        static const std::atomic<bool> flag{true};
        give_up_waiting_on(&flag);
        (void)connect_to(stream_socket(), server.address);
    };
    EXPECT_EXIT(connect(), testing::ExitedWithCode(130),
                "interrupted while the RPC server 127.0.0.1:[0-9]+ kept it waiting");
}

TEST(ServerCallsDeathTest, AServerThatLetsNobodyInIsLostAfterTheTimeThatTheUserGaveIt) {
    const FullServer server;
    const auto connect = [&server] {
        ::setenv("HEXCORE_RPC_TIMEOUT", "1", 1);
        (void)connect_to(stream_socket(), server.address);
    };
    EXPECT_EXIT(connect(), testing::ExitedWithCode(5), "127.0.0.1:[0-9]+ has not answered for 1 s");
}

TEST(ServerCalls, OnlyABlockingSocketConnectsToAServerOverIpv4) {
    const Listening server;
    const sockaddr* const address = FullServer::as_any(server.address);
    const auto size = static_cast<socklen_t>(sizeof(server.address));
    const FileDescriptor client = stream_socket();
    EXPECT_TRUE(may_wait_for_server(client.get(), address, size));
    EXPECT_FALSE(may_wait_for_server(client.get(), address, 2)) << "cut off";
    const sockaddr_un local{AF_UNIX, "/nowhere"};
    EXPECT_FALSE(may_wait_for_server(client.get(), reinterpret_cast<const sockaddr*>(&local),
                                     sizeof(local)));
    const FileDescriptor datagrams(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_FALSE(may_wait_for_server(datagrams.get(), address, size));
    ASSERT_EQ(::fcntl(client.get(), F_SETFL, O_NONBLOCK), 0);
    EXPECT_FALSE(may_wait_for_server(client.get(), address, size));
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
