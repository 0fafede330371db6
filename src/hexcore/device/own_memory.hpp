#pragma once

#include <optional>

#include "hexcore/base/bytes.hpp"
#include "hexcore/device/proc_root.hpp"

namespace hexcore {

/// What this process holds of main memory that the kernel cannot take back, as it says: its own
/// pages and shared ones, without the page cache. Nothing where it does not tell.
[[nodiscard]] std::optional<Bytes> own_memory(const ProcRoot& root = {});

/// Gives the pages that the allocator has and nobody uses back to the system, from all its heaps.
void give_back_free_pages();

}  // namespace hexcore
