#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>

namespace hexcore {

/// Gives up waits for servers once `flag` is set; null: none. For the whole process, because a wait
/// happens in threads that ggml's RPC client makes. The flag must live until another is named.
void give_up_waiting_on(const std::atomic<bool>* flag);
/// Whether that flag is set.
[[nodiscard]] bool is_given_up();

enum class ServerWait { ready, timed_out, given_up };

/// Waits until the socket can be read (POLLIN) or written (POLLOUT), or has an error that reading
/// or writing will tell. Looks at the flag about ten times a second.
[[nodiscard]] ServerWait wait_for_server(int socket, short events,
                                         std::chrono::milliseconds timeout);

/// Whether recv() or send() with these flags may wait on a connection as ggml's RPC client makes
/// them: over IPv4, and blocking.
[[nodiscard]] bool may_wait_for_server(int socket, int flags);

/// recv() and send() on a blocking socket to an RPC server, for a client that can neither be
/// interrupted nor give up by itself. Says on stderr when a wait is longer than a second. Where the
/// flag has been set for longer than an orderly end takes, the program ends with exit code 130;
/// where nothing moved for HEXCORE_RPC_TIMEOUT seconds (default 300: a slow server may compute for
/// minutes), with 5; both with a sentence. What it holds goes with it.
[[nodiscard]] ssize_t receive_from_server(int socket, void* to, std::size_t size, int flags);
[[nodiscard]] ssize_t send_to_server(int socket, const void* from, std::size_t size, int flags);

}  // namespace hexcore
