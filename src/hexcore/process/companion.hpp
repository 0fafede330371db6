#pragma once

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "hexcore/process/child_process.hpp"

namespace hexcore {

struct CompanionCommand {
    std::filesystem::path program;
    std::vector<std::string> arguments;       ///< without the program's name
    std::vector<std::string> more_variables;  ///< "NAME=value", beside this process's own
    std::string name = {};  ///< what it is told it is (argv[0]); empty: the program's path
};

/// A program that runs beside this one until it is told to end, in a process group of its own:
/// Ctrl-C is not for it. It has nothing on its stdin and this process's stderr; what it writes to
/// stdout are words for this process. It does not outlive this, and where it calls
/// end_with_parent() not the thread either that started it. For one thread at a time.
class Companion {
public:
    /// Fails with ErrorCode::does_not_fit where the system refuses to start it.
    [[nodiscard]] static Result<std::unique_ptr<Companion>> start(const CompanionCommand& command);
    virtual ~Companion() = default;  ///< kills it
    Companion(const Companion&) = delete;
    Companion& operator=(const Companion&) = delete;

    [[nodiscard]] virtual pid_t pid() const = 0;

    enum class Heard { line, nothing, end };
    /// Waits up to `at_most` for a line of its words. `end`: none will come any more.
    [[nodiscard]] virtual Heard hear(std::string& line, std::chrono::milliseconds at_most) = 0;

    virtual void ask_to_end() = 0;  ///< SIGTERM
    virtual void kill() = 0;
    /// Waits up to `at_most` for its end. False: it has not ended.
    [[nodiscard]] virtual bool wait(std::chrono::milliseconds at_most) = 0;
    /// How it ended, once wait() was true. Fails with ErrorCode::usage where it never was the
    /// program, or nobody can tell.
    [[nodiscard]] virtual Result<ChildOutcome> outcome() const = 0;

protected:
    Companion() = default;
};

}  // namespace hexcore
