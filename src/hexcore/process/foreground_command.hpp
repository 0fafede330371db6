#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/file_descriptor.hpp"
#include "hexcore/base/result.hpp"
#include "hexcore/process/child_start.hpp"

namespace hexcore {

/// How a command ended.
struct CommandEnd {
    bool signalled = false;
    int code = 0;  ///< the exit code, or the signal
    /// The most that it, or a child that it waited for, had in memory, as the kernel says. What it
    /// was started from counts, too: a smaller figure says nothing.
    Bytes largest_process;

    /// As a shell would say it.
    [[nodiscard]] int exit_code() const { return signalled ? 128 + code : code; }
};

/// A command in this process's place: it has its terminal and its process group, its stdin, stdout
/// and stderr, and is answered for. While it runs, signals to this process are for it: one that
/// only this process got is passed on (one from the terminal reaches the whole group); where it is
/// stopped, this process stops as well. What its processes leave without a parent becomes this
/// process's child, and is waited for. At most one at a time, in the program's main thread, before
/// other threads are started.
class ForegroundCommand {
public:
    /// Starts it; `words` has the program first, `more_variables` are "NAME=value". Fails with
    /// ErrorCode::does_not_fit where the system refuses.
    [[nodiscard]] static Result<std::unique_ptr<ForegroundCommand>> start(
        const std::vector<std::string>& words, const std::vector<std::string>& more_variables = {});
    ~ForegroundCommand();
    ForegroundCommand(const ForegroundCommand&) = delete;
    ForegroundCommand& operator=(const ForegroundCommand&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }

    /// Waits until it is the program. False: it has ended, or could not be the program.
    [[nodiscard]] bool begins();
    /// Waits for signals, and for its end up to then. True: it has ended.
    [[nodiscard]] bool wait_until(std::chrono::steady_clock::time_point time);
    /// Once it has ended. Fails with ErrorCode::usage where it never was the program.
    [[nodiscard]] Result<CommandEnd> end() const;

private:
    ForegroundCommand(std::string program, FileDescriptor signals, std::unique_ptr<Pipe> failure,
                      pid_t pid, const sigset_t& before);
    void take_signals();
    void wait_for_children();

    std::string program_;
    FileDescriptor signals_;
    std::unique_ptr<Pipe> failure_;
    pid_t pid_;
    sigset_t before_;
    std::optional<CommandEnd> end_;
};

}  // namespace hexcore
