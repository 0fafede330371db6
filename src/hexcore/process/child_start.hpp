#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/base/result.hpp"

namespace hexcore {

/// Both ends of a pipe; they close themselves, and no program that is started inherits them.
class Pipe {
public:
    explicit Pipe(int flags = 0);
    ~Pipe();
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    [[nodiscard]] int error() const { return error_; }  ///< the errno of making it; 0: none
    [[nodiscard]] int reading() const { return ends_[0]; }
    [[nodiscard]] int writing() const { return ends_[1]; }
    void close_writing() { close(1); }

    /// Reads what is there, at most 4 KiB; closes at the end. False once it is closed.
    bool read_some(std::string& into);

private:
    void close(std::size_t end);

    std::array<int, 2> ends_{-1, -1};
    int error_ = 0;
};

/// A process that was started and not yet waited for; killed where nobody does.
class Running {
public:
    explicit Running(pid_t pid) : pid_(pid) {}
    ~Running() { kill(); }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    [[nodiscard]] pid_t pid() const { return pid_; }  ///< -1: it has ended
    /// waitpid's status once it has ended; 0 if that is lost.
    [[nodiscard]] std::optional<int> ended();
    /// Whether it ended and nobody can tell how: SIGCHLD is ignored, or somebody else waited.
    [[nodiscard]] bool is_lost() const { return is_lost_; }
    /// Kills it, and waits up to a second: one that hangs in the kernel (a dead network disk)
    /// stays, and must not keep us.
    void kill();

private:
    pid_t pid_;
    bool is_lost_ = false;
};

/// Whether signals of the terminal (Ctrl-C) are for the child, too.
enum class ChildGroup { of_parent, own };

/// What a child finds: stdin, and how signals are answered.
enum class ChildSetting {
    plain,         ///< nothing on stdin, the default answer to every signal
    of_the_shell,  ///< what this process was started with: for a command in this one's place
};

struct ChildStart {
    std::filesystem::path program;
    std::vector<std::string> arguments;            ///< without the program's name
    std::vector<std::string> more_variables = {};  ///< "NAME=value", beside this process's own
    std::string name = {};                         ///< what it is told it is; empty: the path
    int out = -1;                                  ///< its stdout
    int err = -1;                                  ///< its stderr
    ChildGroup group = ChildGroup::of_parent;
    ChildSetting setting = ChildSetting::plain;
    /// Of a child that is set as `of_the_shell`: the signals that are held back.
    const sigset_t* held_signals = nullptr;
};

/// Starts a program, which is looked for in PATH where its name has no slash. Why it could not be
/// the program after all comes through `failure`, for not_begun(). May be called with other threads
/// running: what the child does before it is the program is system calls alone. Fails with
/// ErrorCode::does_not_fit where the system refuses.
[[nodiscard]] Result<pid_t> start_child(const ChildStart& start, const Pipe& failure);
/// Once a child has ended: why it never became the program; nothing: it did.
[[nodiscard]] std::optional<Error> not_begun(const std::filesystem::path& program,
                                             const Pipe& failure);
[[nodiscard]] Error refused_process(int error_number);
/// Nobody can tell how a child ended.
[[nodiscard]] Error end_is_lost(const std::filesystem::path& program);

}  // namespace hexcore
