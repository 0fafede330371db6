#include "hexcore/cli/server_calls.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>

#include "hexcore/base/end_now.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/base/whole_number.hpp"
#include "hexcore/device/server_wait.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Of the second within which an interrupt ends the program, what an orderly end may take.
constexpr milliseconds orderly_end{600};
constexpr milliseconds look{100};
constexpr seconds default_timeout{300};
constexpr seconds first_told{1};

std::atomic<Clock::rep> given_up_at{0};  // when it was first seen set; 0: it is not

/// Whom a call waits for.
struct Server {
    int socket;
    const sockaddr_in* address = nullptr;  // while the socket is not connected yet

    [[nodiscard]] std::string name() const {
        sockaddr_in peer{};
        socklen_t size = sizeof(peer);
        std::array<char, INET_ADDRSTRLEN> text{};
        if (address != nullptr) {
            peer = *address;
        } else if (::getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &size) != 0) {
            return "that is gone";
        }
        (void)::inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
        return fmt::format("{}:{}", text.data(), ntohs(peer.sin_port));
    }
};

// From any thread, with others still running: nothing may be called that they could be in.
void say(const std::string& sentence) {
    const std::string text =
        fmt::format("{}hexcore: {}\n", ::isatty(STDERR_FILENO) == 1 ? "\r\033[K" : "", sentence);
    (void)!::write(STDERR_FILENO, text.data(), text.size());
}

void end_where_given_up(const Server& server) {
    if (!is_given_up()) {
        given_up_at = 0;
        return;
    }
    const Clock::rep now = Clock::now().time_since_epoch().count();
    Clock::rep since = 0;
    if (given_up_at.compare_exchange_strong(since, now) ||
        Clock::duration(now - since) < orderly_end) {
        return;
    }
    say(
        fmt::format("interrupted while the RPC server {} kept it waiting; nothing is left "
                    "allocated here, and the server frees its part when it notices",
                    server.name()));
    end_now(static_cast<int>(ErrorCode::interrupted));
}

milliseconds longest_wait() {
    const char* text = std::getenv("HEXCORE_RPC_TIMEOUT");
    const std::optional<std::uint64_t> asked = whole_number(text == nullptr ? "" : text);
    return asked && *asked > 0 && *asked < 1'000'000 ? seconds(*asked) : default_timeout;
}

/// Returns once the socket is ready.
void wait_or_end(const Server& server, short events) {
    // A slow server is told of once, and again when it is ten times slower.
    static std::atomic<Clock::rep> told_after{Clock::duration(first_told).count()};
    const auto begin = Clock::now();
    const milliseconds longest = longest_wait();
    while (wait_for_server(server.socket, events, look) != ServerWait::ready) {
        end_where_given_up(server);
        const auto waited = Clock::now() - begin;
        if (waited >= longest) {
            say(
                fmt::format("the RPC server {} has not answered for {} s and counts as lost; see "
                            "whether it still runs, or give it longer (HEXCORE_RPC_TIMEOUT=SECONDS)"
                            ". Nothing is left allocated here",
                            server.name(), std::chrono::duration_cast<seconds>(longest).count()));
            end_now(static_cast<int>(ErrorCode::missing_device));
        }
        Clock::rep limit = told_after;
        if (waited.count() >= limit && told_after.compare_exchange_strong(limit, limit * 10)) {
            say(fmt::format("waiting for the RPC server {}, which has not answered for {} s",
                            server.name(), std::chrono::duration_cast<seconds>(waited).count()));
        }
    }
}

}  // namespace

bool may_wait_for_server(int socket, int flags) {
    sockaddr_storage address{};
    socklen_t size = sizeof(address);
    return (flags & MSG_DONTWAIT) == 0 && (::fcntl(socket, F_GETFL) & O_NONBLOCK) == 0 &&
           ::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0 &&
           address.ss_family == AF_INET;
}

bool may_wait_for_server(int socket, const sockaddr* address, socklen_t size) {
    int type = 0;
    socklen_t type_size = sizeof(type);
    return address != nullptr && size >= sizeof(sockaddr_in) && address->sa_family == AF_INET &&
           ::getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &type_size) == 0 &&
           type == SOCK_STREAM && (::fcntl(socket, F_GETFL) & O_NONBLOCK) == 0;
}

int connect_to_server(int socket, const sockaddr* address, socklen_t size) {
    const Server server{socket, reinterpret_cast<const sockaddr_in*>(address)};
    end_where_given_up(server);
    const int flags = ::fcntl(socket, F_GETFL);
    (void)::fcntl(socket, F_SETFL, flags | O_NONBLOCK);
    // Not connect(), which the program has of its own.
    int error = ::syscall(SYS_connect, socket, address, size) == 0 ? 0 : errno;
    if (error == EINPROGRESS || error == EALREADY) {
        wait_or_end(server, POLLOUT);
        socklen_t error_size = sizeof(error);
        (void)::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &error_size);
    }
    (void)::fcntl(socket, F_SETFL, flags);
    errno = error == 0 ? errno : error;
    return error == 0 ? 0 : -1;
}

ssize_t receive_from_server(int socket, void* to, std::size_t size, int flags) {
    for (;;) {
        end_where_given_up({socket});
        const ssize_t count = ::recvfrom(socket, to, size, flags | MSG_DONTWAIT, nullptr, nullptr);
        if (count >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return count;
        }
        wait_or_end({socket}, POLLIN);
    }
}

ssize_t send_to_server(int socket, const void* from, std::size_t size, int flags) {
    for (;;) {
        end_where_given_up({socket});
        const ssize_t count = ::sendto(socket, from, size, flags | MSG_DONTWAIT, nullptr, 0);
        if (count >= 0 || (errno != EAGAIN && errno != EINTR)) {
            return count;
        }
        wait_or_end({socket}, POLLOUT);
    }
}

}  // namespace hexcore
