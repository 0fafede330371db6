#pragma once

#include <cstdint>

/// What the interpreter of templates may take on this thread; without a limit until one is set.
struct HexcoreValueLimit {
    std::uint64_t values_left = UINT64_MAX;  ///< to be made
    std::int64_t live = 0;                   ///< values that there are
    std::int64_t live_max = INT64_MAX;
    std::int64_t seconds_max = INT64_MAX;  ///< of processor time that the thread may have had
    std::uintptr_t stack_end = 0;          ///< the lowest address that it may come down to
    bool too_much = false;                 ///< values or time were wanted beyond those
    bool too_deep = false;
};

HexcoreValueLimit& hexcore_value_limit();
