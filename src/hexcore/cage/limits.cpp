#include "hexcore/cage/limits.hpp"

namespace hexcore {

Result<void> check_limits(const CageLimits& limits) {
    // The pages that a small program in C has when it starts, and its page tables.
    constexpr Bytes least = 1_MiB;
    if (limits.memory && *limits.memory < least) {
        return fail(ErrorCode::usage,
                    "memory is to be limited to {}, in which no program starts; allow {} or more",
                    to_string(*limits.memory), to_string(least));
    }
    if (limits.processes && *limits.processes == 0) {
        return fail(ErrorCode::usage, "a command needs one process at least; its limit is 0");
    }
    return {};
}

}  // namespace hexcore
