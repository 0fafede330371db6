#include "hexcore/process/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>

#include "hexcore/process/child_start.hpp"

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto look_up_interval = std::chrono::milliseconds(50);

/// Of what it says, the last is kept.
bool hear(Pipe& pipe, std::string& words, std::size_t kept_bytes) {
    const bool more = pipe.read_some(words);
    words.erase(0, words.size() - std::min(kept_bytes, words.size()));
    return more;
}

/// What the child writes, until it has ended; empty: it was stopped or is out of time.
std::optional<int> follow(Running& child, Pipe& out, Pipe& err, ChildOutcome& outcome,
                          const ChildCommand& command, const std::atomic<bool>* stop) {
    const Clock::time_point end = Clock::now() + command.deadline;
    bool out_open = true;
    bool err_open = true;
    while ((stop == nullptr || !stop->load()) && Clock::now() < end) {
        std::array<pollfd, 2> waiting{{{out.reading(), POLLIN, 0}, {err.reading(), POLLIN, 0}}};
        // Its ends of the pipes close just before it can be waited for.
        const auto wait = out_open || err_open ? look_up_interval : std::chrono::milliseconds(1);
        const int ready = ::poll(waiting.data(), waiting.size(), static_cast<int>(wait.count()));
        if (ready > 0 && waiting[0].revents != 0) {
            out_open = hear(out, outcome.out, command.kept_bytes);
        }
        if (ready > 0 && waiting[1].revents != 0) {
            err_open = hear(err, outcome.err, command.kept_bytes);
        }
        if (!out_open && !err_open) {
            if (const auto status = child.ended()) {
                return status;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

Result<ChildOutcome> run_child(const ChildCommand& command, const std::atomic<bool>* stop) {
    Pipe out;
    Pipe err;
    Pipe failure(O_NONBLOCK);
    for (const Pipe* pipe : {&out, &err, &failure}) {
        if (pipe->error() != 0) {
            return tl::unexpected(refused_process(pipe->error()));
        }
    }
    HEXCORE_TRY(pid, start_child({.program = command.program,
                                  .arguments = command.arguments,
                                  .more_variables = command.more_variables,
                                  .out = out.writing(),
                                  .err = err.writing()},
                                 failure));
    Running child(pid);
    for (Pipe* pipe : {&out, &err, &failure}) {
        pipe->close_writing();
    }
    ChildOutcome outcome;
    const auto status = follow(child, out, err, outcome, command, stop);
    if (auto why = status ? not_begun(command.program, failure) : std::nullopt) {
        return tl::unexpected(*std::move(why));
    }
    if (child.is_lost()) {
        return tl::unexpected(end_is_lost(command.program));
    }
    const bool by_the_user = status && WIFSIGNALED(*status) &&
                             (WTERMSIG(*status) == SIGINT || WTERMSIG(*status) == SIGTERM);
    if (by_the_user || (!status && stop != nullptr && stop->load())) {
        return fail(ErrorCode::interrupted, "interrupted");
    }
    if (!status) {
        outcome.end = ChildEnd::timed_out;
    } else if (WIFSIGNALED(*status)) {
        outcome.end = ChildEnd::signalled;
        outcome.signal = WTERMSIG(*status);
    } else {
        outcome.exit_code = WEXITSTATUS(*status);
    }
    return outcome;
}

bool end_with_parent(pid_t parent) {
    return ::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ::getppid() == parent;
}

}  // namespace hexcore
