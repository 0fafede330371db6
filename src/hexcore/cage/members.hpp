#pragma once

#include <sys/types.h>

#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/cage/outcome.hpp"

namespace hexcore {

/// What one process has in memory that the kernel can't take back.
struct MemberMemory {
    pid_t pid = 0;
    Bytes bytes;
};

/// Its own pages, and files that it has mapped as far as they are not the page cache's: `resident`
/// less `shared` of statm, and where `exact` the shared memory among the latter as well. Zero for
/// one that has ended.
enum class MemberReading { quick, exact };
[[nodiscard]] Bytes memory_of_member(pid_t pid, MemberReading reading);

/// With names, the largest first, at most `count`; those that have nothing are left out.
[[nodiscard]] std::vector<MemoryOwner> owners_among(const std::vector<pid_t>& pids,
                                                    std::size_t count);

}  // namespace hexcore
