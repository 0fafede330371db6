#include "hexcore/cli/terminal_state.hpp"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <string_view>

#include "hexcore/base/end_now.hpp"

namespace hexcore {
namespace {

constexpr std::string_view with_brackets = "\x1b[?2004h";
// An answer may have been cut short within what is shown dimmed.
constexpr std::string_view without_brackets = "\x1b[?2004l\x1b[0m";

// A signal handler can reach nothing but globals. They are set before the handlers are.
termios found;
termios ours;
std::atomic<bool> is_ours{false};
std::atomic<bool> has_brackets{false};
std::atomic<bool> resized{false};
std::atomic<bool> resumed{false};

struct Handled {
    int signal;
    void (*handler)(int);
    struct sigaction before;
};
void on_stop(int signal);
void on_resume(int signal);
void on_resize(int signal);
void on_end(int signal);
std::array handled{Handled{SIGTSTP, on_stop, {}}, Handled{SIGCONT, on_resume, {}},
                   Handled{SIGWINCH, on_resize, {}},
                   // SIGINT and SIGTERM are those of Interrupt, which ends by end_now().
                   Handled{SIGHUP, on_end, {}}, Handled{SIGQUIT, on_end, {}},
                   Handled{SIGABRT, on_end, {}}, Handled{SIGSEGV, on_end, {}},
                   Handled{SIGBUS, on_end, {}}, Handled{SIGFPE, on_end, {}},
                   Handled{SIGILL, on_end, {}}};

/// Does not wait where output is stopped.
void write_to_terminal(std::string_view text) {
    const int flags = ::fcntl(STDOUT_FILENO, F_GETFL);
    ::fcntl(STDOUT_FILENO, F_SETFL, flags | O_NONBLOCK);
    (void)!::write(STDOUT_FILENO, text.data(), text.size());
    ::fcntl(STDOUT_FILENO, F_SETFL, flags);
}

/// A program in the background has nothing to say about the terminal, and is stopped if it tries.
bool in_foreground() { return ::tcgetpgrp(STDIN_FILENO) == ::getpgrp(); }

void give_back() {
    if (is_ours.exchange(false) && in_foreground()) {
        // Ctrl-S is over where nobody looks for it.
        termios unstopped = found;
        unstopped.c_iflag &= ~static_cast<tcflag_t>(IXON);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &unstopped);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &found);
        if (has_brackets) {
            write_to_terminal(without_brackets);
        }
    }
}

void take() {
    if (!is_ours.exchange(true)) {
        ::tcsetattr(STDIN_FILENO, TCSANOW, &ours);
        if (has_brackets) {
            write_to_terminal(with_brackets);
        }
    }
}

/// In the background it waits for another SIGCONT.
void go_on() {
    if (in_foreground()) {
        take();
        resumed = true;
    }
}

void handle(const Handled& each) {
    struct sigaction action {};
    action.sa_handler = each.handler;
    action.sa_flags = SA_RESTART;
    ::sigaction(each.signal, &action, nullptr);
}

/// What would happen if the signal were not handled here happens now.
void pass_on(int signal, const struct sigaction& action) {
    ::sigaction(signal, &action, nullptr);
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, signal);
    ::raise(signal);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
}

void on_stop(int signal) {
    const int error = errno;
    if (is_ours) {
        ::tcgetattr(STDIN_FILENO, &ours);
    }
    give_back();
    pass_on(signal, handled[0].before);
    handle(handled[0]);
    go_on();  // where nobody could wake it, it was not stopped
    errno = error;
}

void on_resume(int) {
    const int error = errno;
    is_ours = false;  // nobody can handle all that stops a program
    go_on();
    errno = error;
}

void on_resize(int) { resized = true; }

void on_end(int signal) {
    give_back();
    for (const Handled& each : handled) {
        if (each.signal == signal) {
            pass_on(signal, each.before);
        }
    }
}

}  // namespace

TerminalState::TerminalState() {
    ::tcgetattr(STDIN_FILENO, &found);
    ours = found;
    take();
    before_end_now(give_back);
    for (Handled& each : handled) {
        ::sigaction(each.signal, nullptr, &each.before);
        if (each.before.sa_handler != SIG_IGN) {  // as by nohup, or a shell without job control
            handle(each);
        }
    }
}

TerminalState::~TerminalState() {
    for (const Handled& each : handled) {
        ::sigaction(each.signal, &each.before, nullptr);
    }
    before_end_now(nullptr);
    give_back();
    has_brackets = false;
}

void TerminalState::bracket_pastes() {
    has_brackets = true;
    write_to_terminal(with_brackets);
}

TerminalState::Change TerminalState::take_change() {
    if (resumed.exchange(false)) {
        resized = false;
        return Change::resumed;
    }
    return resized.exchange(false) ? Change::resized : Change::none;
}

void TerminalState::claim() {
    resized = false;
    resumed = false;
    if (in_foreground()) {
        take();
    }
}

void TerminalState::remember() {
    if (is_ours) {
        ::tcgetattr(STDIN_FILENO, &ours);
    }
}

}  // namespace hexcore
