#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// Which process a pid was at some time: of another one with the same pid, the start differs.
struct ProcessIdentity {
    pid_t pid = 0;
    std::uint64_t start = 0;  ///< in the kernel's ticks since the machine was started; 0: any

    bool operator==(const ProcessIdentity&) const = default;
};

/// The user of a process; nothing where there is none with that pid.
[[nodiscard]] std::optional<uid_t> user_of_process(pid_t pid);

/// A process that runs already and is only looked at: nothing is injected, stopped or traced, and
/// it cannot tell.
class AttachedProcess {
public:
    /// Fails with ErrorCode::usage where there is no such process (any more), where it is another
    /// user's and this one's is not root, and where it is the kernel's own.
    [[nodiscard]] static Result<AttachedProcess> attach(const ProcessIdentity& process);

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// The words of its command line, as it has it.
    [[nodiscard]] const std::vector<std::string>& command() const { return command_; }
    /// Readable once it has ended.
    [[nodiscard]] int descriptor() const { return handle_.get(); }
    [[nodiscard]] bool has_ended() const;

private:
    AttachedProcess(pid_t pid, FileDescriptor handle, std::vector<std::string> command)
        : pid_(pid), handle_(std::move(handle)), command_(std::move(command)) {}

    pid_t pid_;
    FileDescriptor handle_;  ///< the kernel's own for this very process
    std::vector<std::string> command_;
};

}  // namespace hexcore
