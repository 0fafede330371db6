#pragma once

#include <chrono>
#include <string>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Of the protocol that a server speaks.
struct ServerVersion {
    int major = 0;
    int minor = 0;
    int patch = 0;
};

/// Asks the RPC server at "HOST:PORT" over IPv4 which version of ggml's protocol it speaks, as
/// ggml's client does, but once the name is looked up waits for `longest` at most, all in all.
/// Servers serve one client at a time, so ask before this process is one. Fails with
/// ErrorCode::missing_device, saying why, where nobody listens, where nobody answers (a server that
/// is busy does not) and where something else answers; with interrupted where waiting was given up
/// (device/server_wait.hpp).
[[nodiscard]] Result<ServerVersion> probe_server(
    const std::string& endpoint, std::chrono::milliseconds longest = std::chrono::seconds(5));

}  // namespace hexcore
