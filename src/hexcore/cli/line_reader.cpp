#include "hexcore/cli/line_reader.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace hexcore {
namespace {

bool has_input(int within_ms) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return ::poll(&input, 1, within_ms) > 0;
}

}  // namespace

bool LineReader::next(std::string& line) {
    for (;;) {
        const std::size_t end = buffer_.find('\n');
        if (end != std::string::npos || (at_end_ && !buffer_.empty())) {
            line = buffer_.substr(0, end);
            buffer_.erase(0, end == std::string::npos ? end : end + 1);
            if (!line.empty()) {
                return true;
            }
            continue;
        }
        if (at_end_ || !wait()) {
            return false;
        }
        read_more();
    }
}

bool LineReader::has_ended() {
    while (!at_end_ && !has_line() && has_input(0)) {
        read_more();
    }
    return at_end_ && !has_line();
}

bool LineReader::has_line() const { return buffer_.find_first_not_of('\n') != std::string::npos; }

// A blocking read would not do: a signal may reach another thread, and the read would go on.
bool LineReader::wait() const {
    constexpr int look_ms = 100;
    while (!has_input(look_ms)) {
        if (interrupt_.happened()) {
            return false;
        }
    }
    return true;
}

void LineReader::read_more() {
    std::array<char, 4096> bytes{};
    const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
    at_end_ = count <= 0;
    buffer_.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
}

}  // namespace hexcore
