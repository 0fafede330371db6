#include "hexcore/device/server_probe.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/device/server_wait.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// What a probe may still wait for, from its beginning on.
class Patience {
public:
    explicit Patience(milliseconds longest) : longest_(longest), end_(Clock::now() + longest) {}

    [[nodiscard]] ServerWait wait_for(int socket, short events) const {
        return wait_for_server(socket, events,
                               std::chrono::ceil<milliseconds>(end_ - Clock::now()));
    }
    [[nodiscard]] double seconds() const { return std::chrono::duration<double>(longest_).count(); }

private:
    milliseconds longest_;
    Clock::time_point end_;
};

// ggml's protocol keeps these as they are, so that versions can tell each other apart: a command,
// the size of what follows, what the connection can do (nothing special); the answer's size, the
// version.
constexpr std::uint8_t hello_command = 14;
constexpr std::size_t capabilities_size = 24;
constexpr std::uint64_t answer_size = 4 + capabilities_size;

using Hello = std::array<std::uint8_t, 1 + sizeof(std::uint64_t) + capabilities_size>;
using HelloAnswer = std::array<std::uint8_t, sizeof(answer_size) + answer_size>;

tl::unexpected<Error> given_up() {
    return fail(ErrorCode::interrupted, "interrupted while waiting for an RPC server");
}

/// 0, or what errno says of the attempt.
int error_of(int socket) {
    int error = 0;
    socklen_t size = sizeof(error);
    return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

Result<FileDescriptor> connect_to(const addrinfo& addresses, const std::string& endpoint,
                                  const Patience& patience) {
    int error = EADDRNOTAVAIL;
    for (const addrinfo* address = &addresses; address != nullptr; address = address->ai_next) {
        FileDescriptor socket(::socket(address->ai_family,
                                       address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                                       address->ai_protocol));
        if (socket.get() < 0) {
            error = errno;
            continue;
        }
        if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0) {
            return socket;
        }
        error = errno;
        if (error == EINPROGRESS) {
            const ServerWait wait = patience.wait_for(socket.get(), POLLOUT);
            if (wait == ServerWait::given_up) {
                return given_up();
            }
            error = wait == ServerWait::ready ? error_of(socket.get()) : ETIMEDOUT;
        }
        if (error == 0) {
            return socket;
        }
    }
    return fail(ErrorCode::missing_device, {{Change::start_server}, {Change::other_device}},
                "rpc:{}: no RPC server answers there: {}", endpoint, std::strerror(error));
}

/// Reads what comes, until `to` is full or the other side ends.
Result<std::size_t> receive(int socket, std::span<std::uint8_t> to, const std::string& endpoint,
                            const Patience& patience) {
    std::size_t received = 0;
    while (received < to.size()) {
        const ServerWait wait = patience.wait_for(socket, POLLIN);
        if (wait == ServerWait::given_up) {
            return given_up();
        }
        if (wait == ServerWait::timed_out) {
            return fail(ErrorCode::missing_device,
                        "rpc:{}: somebody listens there but has not answered for {} s; if it is "
                        "an RPC server, it is busy with another client (it serves one at a time) "
                        "or stopped: try again when it is free",
                        endpoint, patience.seconds());
        }
        const ssize_t count =
            ::recvfrom(socket, &to[received], to.size() - received, 0, nullptr, nullptr);
        if (count <= 0) {
            break;
        }
        received += static_cast<std::size_t>(count);
    }
    return received;
}

}  // namespace

Result<ServerVersion> probe_server(const std::string& endpoint, milliseconds longest) {
    const std::size_t colon = endpoint.rfind(':');
    const std::string host = endpoint.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : endpoint.substr(colon + 1);
    addrinfo hints{};
    hints.ai_family = AF_INET;  // as ggml's client does
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int status = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); status != 0) {
        return fail(ErrorCode::missing_device, "rpc:{}: the address cannot be found: {}", endpoint,
                    ::gai_strerror(status));
    }
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, ::freeaddrinfo);
    const Patience patience(longest);
    HEXCORE_TRY(socket, connect_to(*addresses, endpoint, patience));
    Hello hello{hello_command};
    const std::uint64_t size = capabilities_size;
    std::memcpy(&hello[1], &size, sizeof(size));
    // So few bytes always find room in a new connection.
    (void)::sendto(socket.get(), hello.data(), hello.size(), MSG_NOSIGNAL, nullptr, 0);
    HelloAnswer answer{};
    HEXCORE_TRY(received, receive(socket.get(), answer, endpoint, patience));
    std::uint64_t told = 0;
    std::memcpy(&told, answer.data(), sizeof(told));
    if (received < answer.size() || told != answer_size) {
        return fail(ErrorCode::missing_device,
                    "rpc:{}: what listens there does not speak the protocol of ggml's RPC servers "
                    "of this version; start this version's ggml-rpc-server there, or name its port",
                    endpoint);
    }
    return ServerVersion{answer[8], answer[9], answer[10]};
}

}  // namespace hexcore
