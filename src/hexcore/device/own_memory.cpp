#include "hexcore/device/own_memory.hpp"

#include <malloc.h>

#include "hexcore/device/memory_holder.hpp"

namespace hexcore {

std::optional<Bytes> own_memory(const ProcRoot& root) { return memory_of_process(root, "self"); }

void share_heaps() {
    constexpr int heaps = 4;
    constexpr int large = 256 << 10;  // said once, it no longer grows with what is freed
    ::mallopt(M_ARENA_MAX, heaps);
    ::mallopt(M_MMAP_THRESHOLD, large);
    ::mallopt(M_TRIM_THRESHOLD, large);
}

void give_back_free_pages() { ::malloc_trim(0); }

void give_back_more_than_a_load_takes() {
    constexpr Bytes books = 32_MiB;
    if (Bytes(::mallinfo2().fordblks) > books) {
        give_back_free_pages();
    }
}

}  // namespace hexcore
