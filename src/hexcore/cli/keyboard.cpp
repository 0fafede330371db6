#include "hexcore/cli/keyboard.hpp"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <utility>

namespace hexcore {

void Keyboard::keep_room() {
    leave_alone_ = false;
    thread_ = std::thread([this] { keep_room_until_told(); });
}

void Keyboard::leave_alone() {
    if (thread_.joinable()) {
        {
            const std::lock_guard lock(mutex_);
            leave_alone_ = true;
        }
        told_.notify_one();
        thread_.join();
    }
}

/// Linux has room for 4,096 bytes, and looks for Ctrl-C only in what it has room for.
void Keyboard::keep_room_until_told() {
    constexpr int most_left = 2048;
    std::unique_lock lock(mutex_);
    while (!told_.wait_for(lock, std::chrono::milliseconds(50), [this] { return leave_alone_; })) {
        int waiting = 0;
        std::array<char, most_left> bytes{};
        while (::ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > most_left &&
               ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {
            const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
            if (count <= 0) {
                break;
            }
            ahead_.append(bytes.data(), static_cast<std::size_t>(count));
        }
    }
}

Keyboard::Event Keyboard::next(Key& key) {
    for (const char byte : std::exchange(ahead_, {})) {
        decoder_.add(byte);
    }
    for (;;) {
        if (auto taken = decoder_.take()) {
            key = std::move(*taken);
            return Event::key;
        }
        if (interrupt_.happened()) {
            if (!decoder_.end_paste()) {
                return Event::interrupted;
            }
            continue;
        }
        if (const auto change = terminal_.take_change(); change != TerminalState::Change::none) {
            return change == TerminalState::Change::resized ? Event::resized : Event::resumed;
        }
        // A signal may reach another thread, and a read that waits would go on.
        constexpr int look_ms = 100;
        pollfd input{STDIN_FILENO, POLLIN, 0};
        const int ready = ::poll(&input, 1, look_ms);
        if (ready > 0 && !read()) {
            return Event::ended;
        }
        if (ready == 0) {
            decoder_.pause();
        }
    }
}

/// One byte: what follows may be for another program, once this one ends.
bool Keyboard::read() {
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count > 0) {
        decoder_.add(byte);
    }
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace hexcore
