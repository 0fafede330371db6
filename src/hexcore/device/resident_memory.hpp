#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

/// A part of this process's address space.
struct AddressRange {
    std::uintptr_t begin = 0;
    Bytes size;

    [[nodiscard]] std::uintptr_t end() const { return begin + size.count(); }
};

/// What the kernel says is in main memory of these parts of the address space, all together. They
/// may touch but not overlap, and are widened to whole pages. One pass over /proc/self/smaps; where
/// a mapping reaches beyond the ranges, the present bits of /proc/self/pagemap decide about the
/// part inside. Fails with ErrorCode::bad_input where the kernel offers neither.
[[nodiscard]] Result<Bytes> resident_bytes(std::span<const AddressRange> ranges);

}  // namespace hexcore
