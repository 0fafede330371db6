#pragma once

#include <cstdint>
#include <optional>

namespace hexcore {

/// How long a process's turns at a processor are.
struct TurnLength {
    std::uint64_t ns = 0;
};

/// Short turns from now on, for this process and what it forks: what has little to do, and others
/// wait for it, then has its turn soon after it wakes up, where a machine is busy. Linux 6.12;
/// before that nothing changes. Returns what they were; nothing: they stay.
std::optional<TurnLength> take_short_turns();

void take_turns(TurnLength length);

}  // namespace hexcore
