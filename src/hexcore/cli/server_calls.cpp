// Stands in for the C library's recv() and send() in the whole program: ggml's RPC client calls
// them, in a library of its own, and would wait for ever. Nothing else here does; name look-ups use
// the C library's inner ones.
#include <sys/socket.h>

#include "hexcore/device/server_wait.hpp"

extern "C" ssize_t recv(int socket, void* to, size_t size, int flags) {
    return hexcore::receive_from_server(socket, to, size, flags);
}

extern "C" ssize_t send(int socket, const void* from, size_t size, int flags) {
    return hexcore::send_to_server(socket, from, size, flags);
}
