#pragma once

#include <atomic>
#include <chrono>

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

}  // namespace hexcore
