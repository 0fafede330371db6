#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "hexcore/base/file_descriptor.hpp"

namespace hexcore::test {

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

}  // namespace hexcore::test
