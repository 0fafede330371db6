#include "hexcore/base/end_now.hpp"

#include <unistd.h>

#include <atomic>

namespace hexcore {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<void (*)()> first_act{nullptr};
static_assert(std::atomic<void (*)()>::is_always_lock_free);

}  // namespace

void end_now(int exit_code) noexcept {
    if (void (*const act)() = first_act.exchange(nullptr)) {
        act();
    }
    ::_exit(exit_code);
}

void before_end_now(void (*act)()) noexcept { first_act.store(act); }

}  // namespace hexcore
