// Stands in for the C library's connect(), recv() and send() in the whole program: ggml's RPC
// client calls them, in a library of its own, and would wait for ever. So do others, such as the
// modules that look names up: their calls go straight on, unless they wait on a connection over
// IPv4 too.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hexcore/cli/server_calls.hpp"

// The C library's declarations have reserved names for the parameters.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
extern "C" int connect(int socket, const sockaddr* address, socklen_t size) {
    return hexcore::may_wait_for_server(socket, address, size)
               ? hexcore::connect_to_server(socket, address, size)
               : static_cast<int>(::syscall(SYS_connect, socket, address, size));
}

extern "C" ssize_t recv(int socket, void* to, size_t size, int flags) {
    return hexcore::may_wait_for_server(socket, flags)
               ? hexcore::receive_from_server(socket, to, size, flags)
               : ::recvfrom(socket, to, size, flags, nullptr, nullptr);
}

extern "C" ssize_t send(int socket, const void* from, size_t size, int flags) {
    return hexcore::may_wait_for_server(socket, flags)
               ? hexcore::send_to_server(socket, from, size, flags)
               : ::sendto(socket, from, size, flags, nullptr, 0);
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
