#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// A program to run beside this one, with nothing on its stdin.
struct ChildCommand {
    std::filesystem::path program;
    std::vector<std::string> arguments;  ///< without the program's name
    /// It is killed when this is over.
    std::chrono::milliseconds deadline{60'000};
    std::vector<std::string> more_variables = {};  ///< "NAME=value", beside this process's own
    std::size_t kept_bytes = 65536;                ///< of its stdout and of its stderr, the last
};

enum class ChildEnd {
    exited,
    signalled,  ///< by a signal, which this process did not send
    timed_out,  ///< killed after the deadline
};

struct ChildOutcome {
    ChildEnd end = ChildEnd::exited;
    int exit_code = 0;  ///< where it exited
    int signal = 0;     ///< where it was signalled
    /// The last that it wrote to stdout and to stderr, `kept_bytes` of each.
    std::string out;
    std::string err;
};

/// Runs a program and waits until it has ended; it does not outlive the call, except where it hangs
/// in the kernel (on a dead network disk) and no signal reaches it. May be called with other
/// threads running: what the child does before it is the program is system calls alone. The
/// deadline and `stop` hold then, too.
/// The child has the default answer to every signal, of this process's descriptors those that are
/// not closed on exec, and its environment. Fails with ErrorCode::interrupted within a tenth of a
/// second after `stop` (null: never) is set or when the child is ended by Ctrl-C, with
/// ErrorCode::does_not_fit where the system refuses to start it, and with ErrorCode::usage for what
/// is no program and for a process that cannot learn how its children end.
[[nodiscard]] Result<ChildOutcome> run_child(const ChildCommand& command,
                                             const std::atomic<bool>* stop);

/// For the child's side: from now on the kernel kills this process when `parent`, which started it,
/// ends. False where that has happened already.
[[nodiscard]] bool end_with_parent(pid_t parent);

}  // namespace hexcore
