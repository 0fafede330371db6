#include "hexcore/cage/supervisor/short_turns.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace hexcore {
namespace {

/// The kernel's sched_attr as it was at first; headers differ in whether they have it.
struct Scheduling {
    std::uint32_t size = sizeof(Scheduling);
    std::uint32_t policy = 0;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime_ns = 0;
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
};

/// False: it has not the usual policy, so that turns are not what it waits for.
bool read_scheduling(Scheduling& attributes) {
    return ::syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) == 0 &&
           attributes.policy == SCHED_OTHER && attributes.runtime_ns > 0;
}

bool set_turns(Scheduling attributes, std::uint64_t ns) {
    attributes.runtime_ns = ns;
    return ::syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

}  // namespace

std::optional<TurnLength> take_short_turns() {
    constexpr std::uint64_t shortest_ns = 100'000;
    Scheduling attributes{};
    if (!read_scheduling(attributes) || !set_turns(attributes, shortest_ns)) {
        return std::nullopt;
    }
    return TurnLength{attributes.runtime_ns};
}

void take_turns(TurnLength length) {
    Scheduling attributes{};
    if (read_scheduling(attributes)) {
        (void)set_turns(attributes, length.ns);
    }
}

}  // namespace hexcore
