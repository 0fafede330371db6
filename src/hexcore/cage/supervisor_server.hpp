#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/cage/guards.hpp"

namespace hexcore {

/// A process of hexcore-supervisor that has supervisors ready (supervisor/serve.hpp).
class SupervisorServer {
public:
    /// Null where it cannot be started: then each supervisor is a program started anew.
    [[nodiscard]] static std::unique_ptr<SupervisorServer> start(
        const std::filesystem::path& program, ShareGuard shares);
    ~SupervisorServer();  ///< it ends; its supervisors go on
    SupervisorServer(const SupervisorServer&) = delete;
    SupervisorServer& operator=(const SupervisorServer&) = delete;

    /// A supervisor with these words and this environment. False: the server has ended, or they are
    /// more than it takes.
    [[nodiscard]] bool fork_supervisor(const std::vector<std::string>& words,
                                       const std::vector<std::string>& environment, int control,
                                       int output) const;

    [[nodiscard]] bool has_ended() const;
    /// Where a command has stopped it, or those that wait, they go on.
    void wake() const;

private:
    SupervisorServer(FileDescriptor socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

    FileDescriptor socket_;
    pid_t pid_;
};

}  // namespace hexcore
