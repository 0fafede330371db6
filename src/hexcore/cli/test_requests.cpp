#include "hexcore/cli/test_requests.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <csignal>

namespace hexcore {
namespace {

/// In the background keys are somebody else's, and whoever changes the terminal is stopped.
bool has_terminal() {
    return ::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp();
}

}  // namespace

TestRequests::TestRequests()
    : signals_{SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGTSTP, SIGCONT} {
    have_keys();
}

TestRequests::~TestRequests() { leave_keys(); }

void TestRequests::have_keys() {
    if (!has_terminal() || ::tcgetattr(STDIN_FILENO, &found_) != 0) {
        return;
    }
    termios keys = found_;
    keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    keys.c_cc[VMIN] = 0;
    keys.c_cc[VTIME] = 0;
    has_keys_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &keys) == 0;
}

void TestRequests::leave_keys() {
    if (has_keys_ && has_terminal()) {
        ::tcsetattr(STDIN_FILENO, TCSANOW, &found_);
    }
    has_keys_ = false;
}

std::vector<int> TestRequests::descriptors() const {
    std::vector<int> descriptors{signals_.descriptor()};
    if (has_keys_) {
        descriptors.push_back(STDIN_FILENO);
    }
    return descriptors;
}

bool TestRequests::is_t_pressed() const {
    std::array<char, 64> keys{};
    pollfd file{STDIN_FILENO, POLLIN, 0};
    bool is_pressed = false;
    while (has_keys_ && ::poll(&file, 1, 0) == 1) {
        const ssize_t count = ::read(STDIN_FILENO, keys.data(), keys.size());
        if (count <= 0) {
            break;
        }
        for (ssize_t index = 0; index < count; ++index) {
            is_pressed = is_pressed || keys[static_cast<std::size_t>(index)] == 't';
        }
    }
    return is_pressed;
}

RunRequests::Request TestRequests::take() {
    while (const auto signal = signals_.take()) {
        switch (*signal) {
            case SIGUSR1:
                return Request::show;
            case SIGTSTP:
                leave_keys();
                signals_.let_happen(SIGTSTP);
                have_keys();
                break;
            case SIGCONT:  // a shell brings it to the foreground, where there was none before
                if (!has_keys_) {
                    have_keys();
                }
                break;
            default: {
                const bool again = stops_;
                stops_ = true;
                return again ? Request::stop_now : Request::stop;
            }
        }
    }
    return is_t_pressed() ? Request::show : Request::none;
}

}  // namespace hexcore
