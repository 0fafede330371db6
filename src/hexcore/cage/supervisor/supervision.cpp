#include "hexcore/cage/supervisor/supervision.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "hexcore/cage/supervisor/launch.hpp"
#include "hexcore/cage/supervisor/left_behind.hpp"

namespace hexcore {
namespace {

constexpr std::size_t told_processes_max = 64;

}  // namespace

Supervision::Supervision(SupervisorTask task, const sigset_t& before)
    : task_(std::move(task)),
      before_(before),
      sweeper_(task_.kill_file),
      signals_([] {
          sigset_t ended;
          sigemptyset(&ended);
          sigaddset(&ended, SIGCHLD);
          return ::signalfd(-1, &ended, SFD_CLOEXEC | SFD_NONBLOCK);
      }()),
      start_(Clock::now()) {
    ::fcntl(task_.control, F_SETFD, FD_CLOEXEC);
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    // A command may have stopped this process; who would continue it may be killed.
    ::prctl(PR_SET_PDEATHSIG, SIGCONT);
}

int Supervision::run() {
    if (!begin()) {
        phases_.sweep(Clock::now());
    }
    while (true) {
        hear_command();
        // Before, for who has a file open now, and after, for who made one and has ended since.
        look_at_shares();
        take_ended();
        look_at_shares();
        take_orders();
        advance();
        if (phases_.phase() == Phase::over) {
            break;
        }
        wait();
    }
    finish();
    return 0;
}

void Supervision::look_at_shares() {
    if (shares_) {
        shares_->take(Sweeper::descendants);
    }
}

bool Supervision::begin() {
    if (task_.ready) {
        parent_ = task_.ready->parent;
        hearing_.emplace(std::move(task_.ready->hearing));
        shares_ = std::move(task_.ready->shares);
        return true;
    }
    if (!task_.own_shares) {
        shares_ = std::make_unique<ShareWatch>();
    } else if (!take_own_shares()) {
        fail_to_begin(SupervisorStage::namespaces, errno);
        return false;
    }
    if (task_.adopted != 0) {
        return adopt();
    }
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        fail_to_begin(SupervisorStage::program, errno);
        return false;
    }
    hearing_.emplace(ends[0]);
    ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    parent_ = launch_command(task_, ends[1], before_);
    const int why = errno;
    ::close(ends[1]);
    if (parent_ < 0) {
        fail_to_begin(SupervisorStage::program, why);
    }
    // It has nothing of the command's.
    if (!task_.foreground) {
        ::close(STDOUT_FILENO);
        ::close(STDERR_FILENO);
    }
    return parent_ >= 0;
}

bool Supervision::adopt() {
    if (!enter_groups(task_, task_.adopted)) {
        fail_to_begin(SupervisorStage::control_group, errno);
        return false;
    }
    know(task_.adopted);
    tell({.note = SupervisorNote::started, .pid = command_, .code = ::getpid()});
    return true;
}

void Supervision::know(pid_t command) {
    command_ = command;
    if (shares_) {
        shares_->remember(command);
    }
}

void Supervision::fail_to_begin(SupervisorStage stage, int why) {
    tell({.note = SupervisorNote::not_begun, .code = why, .stage = stage});
    has_ended_ = true;
    task_.keeps = false;
}

/// What is told in one go wakes the starter once.
void Supervision::tell(const SupervisorMessage& message) { to_tell_.push_back(message); }

void Supervision::tell_now() {
    if (parent_tells_ && parent_ > 0) {
        return;  // not both
    }
    for (const SupervisorMessage& message : std::exchange(to_tell_, {})) {
        // Without a starter there is nobody to be told.
        (void)::send(task_.control, &message, sizeof(message), MSG_NOSIGNAL);
    }
}

void Supervision::wait() {
    tell_now();
    const int timeout_ms = static_cast<int>(phases_.patience(Clock::now()).count());
    // The starter's end is known once; then the socket is always readable.
    std::array<pollfd, 4> files{{{signals_.get(), POLLIN, 0},
                                 {shares_ ? shares_->descriptor() : -1, POLLIN, 0},
                                 {starter_is_gone_ ? -1 : task_.control, POLLIN, 0},
                                 {needs_to_hear() ? hearing_->get() : -1, POLLIN, 0}}};
    (void)::poll(files.data(), files.size(), timeout_ms);
}

/// What else the command and its parent say is heard when they have ended: there is one turn of
/// this process for each of its commands then, not three.
bool Supervision::needs_to_hear() const { return hearing_ && (task_.foreground || asked_early_); }

void Supervision::hear_command() {
    SupervisorMessage message;
    while (hearing_) {
        const ssize_t size = hearing_->read(&message, sizeof(message));
        if (size == 0) {
            hearing_.reset();
        }
        if (size != sizeof(message)) {
            return;
        }
        if (message.note == SupervisorNote::ended) {
            command_ended(message);
            continue;
        }
        if (message.note == SupervisorNote::done) {
            parent_tells_ = true;
            continue;
        }
        if (message.note == SupervisorNote::started) {  // the starter knows by itself
            know(message.pid);
            if (asked_early_) {
                ask_to_end();
            }
            continue;
        }
        if (message.note == SupervisorNote::not_begun) {
            has_ended_ = true;
            task_.keeps = false;
        }
        tell(message);
    }
}

void Supervision::command_ended(SupervisorMessage message) {
    if (!has_ended_) {
        if (message.duration_ns == 0) {
            message.duration_ns =
                static_cast<std::uint64_t>(std::chrono::nanoseconds(Clock::now() - start_).count());
        }
        has_ended_ = true;
        tell(message);
    }
}

void Supervision::take_ended() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof(info)) == sizeof(info)) {
        // one stands for any number of children
    }
    rusage usage{};
    int status = 0;
    pid_t pid = 0;
    while ((pid = ::wait4(-1, &status, WNOHANG | WUNTRACED, &usage)) > 0) {
        hear_command();  // who is the command, and how it ended
        if (WIFSTOPPED(status)) {
            if (pid == parent_ && !starter_is_gone_) {
                ::kill(pid, SIGCONT);  // somebody stopped it to keep the end from being told
            } else if (pid == command_ && task_.foreground) {
                tell({.note = SupervisorNote::stopped, .pid = pid, .code = WSTOPSIG(status)});
            }
        } else if (shares_ && pid != parent_ && pid != command_) {
            shares_->remember(pid);
        } else if (pid == parent_) {
            parent_ = -1;
            all_told_ = WIFEXITED(status) && WEXITSTATUS(status) == exit_code_all_told;
        } else if (pid == command_) {
            command_ended(end_message(pid, status, usage));  // its parent was killed
        }
    }
    no_children_ = pid < 0 && errno == ECHILD;
}

void Supervision::take_orders() {
    SupervisorRequest request;
    while (!starter_is_gone_) {
        const ssize_t size = ::recv(task_.control, &request, sizeof(request), MSG_DONTWAIT);
        if (size == sizeof(request)) {
            obey(request);
        } else if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        } else {
            starter_is_gone_ = true;
            hear_command();
            // Told that all is done, it closes its socket, too; then another may be in the group.
            if (!parent_tells_) {
                was_killed_ = true;
                sweep();
            }
        }
    }
}

void Supervision::sweep() {
    task_.keeps = false;
    phases_.sweep(Clock::now());
}

void Supervision::obey(const SupervisorRequest& request) {
    switch (request.order) {
        case SupervisorOrder::ask_to_end:
            asked_early_ = command_ == 0;
            ask_to_end();
            break;
        case SupervisorOrder::kill:
            sweep();
            break;
        case SupervisorOrder::drop:
            task_.yards.clear();
            was_killed_ = true;  // all may be swept before the socket's end is seen
            sweep();
            break;
        case SupervisorOrder::let_go:
            task_.keeps = false;
            break;
        case SupervisorOrder::signal:
            if (command_ != 0 && !has_ended_) {
                ::kill(command_, request.signal);
            }
            break;
    }
}

void Supervision::ask_to_end() const {
    if (command_ == 0 || has_ended_) {
        return;
    }
    if (::getpgid(command_) == command_) {
        ::kill(-command_, SIGTERM);
        ::kill(-command_, SIGCONT);
        return;
    }
    // In the foreground it is in the group of whoever started it.
    for (const pid_t pid : Sweeper::descendants()) {
        if (pid != parent_) {
            ::kill(pid, SIGTERM);
            ::kill(pid, SIGCONT);
        }
    }
}

void Supervision::advance() {
    if (no_children_) {
        hear_command();  // what its parent said last
        has_ended_ = has_ended_ || all_told_;
        if (!has_ended_) {
            command_ended({.note = SupervisorNote::ended, .pid = command_, .code = SIGKILL});
        }
    }
    // A parent that has told the end is about to go, and the control group may be another's by now.
    const bool is_told_by_parent = parent_tells_ && parent_ > 0;
    switch (phases_.advance({.command_has_ended = has_ended_ && !task_.keeps && !is_told_by_parent,
                             .has_children = !no_children_ || task_.keeps},
                            Clock::now())) {
        case SupervisionPhases::Step::wait:
            break;
        case SupervisionPhases::Step::tell_and_sweep:
            tell_processes(true);
            sweeper_.pass();
            break;
        case SupervisionPhases::Step::sweep:
            sweeper_.pass();
            break;
        case SupervisionPhases::Step::give_up:
            tell_processes(false);
            break;
    }
}

void Supervision::tell_processes(bool are_gone) {
    std::size_t told = 0;
    for (const pid_t pid : Sweeper::descendants()) {
        SupervisorMessage message = process_residue(pid);
        message.is_gone = are_gone ? 1 : 0;
        if (pid != parent_ && told++ < told_processes_max) {
            tell(message);
        }
    }
}

void Supervision::finish() {
    if (all_told_) {
        to_tell_.clear();
    } else {
        const auto tell_left = [this](const SupervisorMessage& message) { tell(message); };
        if (shares_) {
            shares_->remove_left(tell_left);
        } else {
            tell_own_shares(tell_left);
        }
        tell({.note = SupervisorNote::done});
        tell_now();
    }
    if (!was_killed_ && (!starter_is_gone_ || all_told_)) {
        return;
    }
    if (task_.scratch != nullptr) {
        remove_tree(task_.scratch);
        remove_folder_of_run(task_.scratch);
    }
    for (const char* yard : task_.yards) {
        remove_groups(yard);  // of the last supervisor there is, with the yard itself
    }
}

}  // namespace hexcore
