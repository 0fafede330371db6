#include "hexcore/process/interrupt.hpp"

#include <time.h>

#include <csignal>
#include <cstdint>

#include "hexcore/base/end_now.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<bool> interrupted{false};
std::atomic<std::int64_t> first_at_ms{0};  // of those not yet taken note of; 0: there is none
std::atomic<bool> quit{false};
static_assert(std::atomic<bool>::is_always_lock_free &&
              std::atomic<std::int64_t>::is_always_lock_free);

void on_signal(int signal) {
    // What comes closer to the first is the same wish: timeout(1) signals a child and its group.
    constexpr std::int64_t another_ms = 200;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    const std::int64_t now_ms = std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
    std::int64_t first_ms = 0;
    if (!first_at_ms.compare_exchange_strong(first_ms, now_ms) && now_ms - first_ms >= another_ms) {
        // Whatever keeps the program from ending in order: what it holds goes with it.
        end_now(static_cast<int>(ErrorCode::interrupted));
    }
    if (signal == SIGTERM) {
        quit.store(true);
    }
    interrupted.store(true);
}

}  // namespace

Interrupt::Interrupt(EndsWaits ends_waits)
    : ends_waits_(ends_waits != nullptr ? ends_waits : [](const std::atomic<bool>*) {}) {
    clear();
    ends_waits_(&interrupted);
    struct sigaction action {};
    action.sa_handler = on_signal;
    // No SA_RESTART: reading the next line of a chat must end too.
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

Interrupt::~Interrupt() {
    ends_waits_(nullptr);
    std::signal(SIGINT, SIG_DFL);
    std::signal(SIGTERM, SIG_DFL);
}

const std::atomic<bool>* Interrupt::flag() const { return &interrupted; }
bool Interrupt::happened() const { return interrupted.load(); }
bool Interrupt::should_quit() const { return quit.load(); }
void Interrupt::is_of_answers() { ends_waits_(&quit); }

void Interrupt::clear() {
    // In this order one that comes meanwhile sets the flag for good, and is not counted.
    interrupted.store(false);
    if (quit.load()) {
        interrupted.store(true);
    }
    first_at_ms.store(0);
}

void Interrupt::start_over() {
    quit.store(false);
    clear();
}

}  // namespace hexcore
