#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>

namespace hexcore {

/// Whether recv() or send() with these flags may wait on a connection as ggml's RPC client makes
/// them: over IPv4, and blocking.
[[nodiscard]] bool may_wait_for_server(int socket, int flags);
/// Whether connect() to this address may wait as that client's does.
[[nodiscard]] bool may_wait_for_server(int socket, const sockaddr* address, socklen_t size);

/// connect(), recv() and send() on a blocking socket to an RPC server, for a client that can
/// neither be interrupted (it aborts where a signal comes while it connects, and a server that is
/// busy or stopped lets few in) nor give up by itself. Says on stderr when a wait is longer than a
/// second. Where the flag has been set for longer than an orderly end takes, the program ends with
/// exit code 130; where nothing moved for HEXCORE_RPC_TIMEOUT seconds (default 300: a slow server
/// may compute for minutes), with 5; both with a sentence. What it holds goes with it.
[[nodiscard]] int connect_to_server(int socket, const sockaddr* address, socklen_t size);
[[nodiscard]] ssize_t receive_from_server(int socket, void* to, std::size_t size, int flags);
[[nodiscard]] ssize_t send_to_server(int socket, const void* from, std::size_t size, int flags);

}  // namespace hexcore
