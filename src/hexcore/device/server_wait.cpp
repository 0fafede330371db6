#include "hexcore/device/server_wait.hpp"

#include <poll.h>

#include <algorithm>

namespace hexcore {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds look{100};

std::atomic<const std::atomic<bool>*> give_up{nullptr};

}  // namespace

void give_up_waiting_on(const std::atomic<bool>* flag) { give_up = flag; }

bool is_given_up() {
    const std::atomic<bool>* const flag = give_up;
    return flag != nullptr && flag->load();
}

ServerWait wait_for_server(int socket, short events, milliseconds timeout) {
    const auto end = Clock::now() + timeout;
    for (;;) {
        const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
        pollfd waiting{socket, events, 0};
        const auto step = std::clamp(left, milliseconds(0), look);
        if (::poll(&waiting, 1, static_cast<int>(step.count())) > 0) {
            return ServerWait::ready;
        }
        if (is_given_up()) {
            return ServerWait::given_up;
        }
        if (Clock::now() >= end) {
            return ServerWait::timed_out;
        }
    }
}

}  // namespace hexcore
