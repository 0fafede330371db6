#include "hexcore/device/nvml_process_list.hpp"

#include <algorithm>
#include <cstring>

namespace hexcore {
namespace {

constexpr std::byte pattern{0xa5};
constexpr std::size_t largest_entry = 32;
constexpr unsigned most_entries = 1U << 20;  // keeps a driver's nonsense from asking for gigabytes

/// What all layouts begin with.
struct Entry {
    unsigned pid;
    unsigned long long bytes;
};
static_assert(sizeof(Entry) == 16);

}  // namespace

void NvmlProcessList::set_count(unsigned count) { count_ = std::min(count, capacity_); }

unsigned NvmlProcessList::prepare() {
    count_ = 0;
    bytes_.assign(capacity_ * largest_entry, pattern);
    return capacity_;
}

void NvmlProcessList::grow(unsigned needed) {
    // Half as many again: more may come before the next call.
    needed = std::min(needed, most_entries);
    capacity_ = std::min(std::max(needed + needed / 2 + 8, capacity_ * 2), most_entries);
}

std::vector<NvmlProcess> NvmlProcessList::processes(std::size_t usual_entry) const {
    // Every layout ends in a size or an instance number, whose last byte is 0x00 or 0xff.
    const auto last = std::find_if(bytes_.rbegin(), bytes_.rend(),
                                   [](std::byte byte) { return byte != pattern; });
    const auto written = static_cast<std::size_t>(bytes_.rend() - last);
    std::size_t stride = usual_entry;
    for (const std::size_t known : {16, 24, 32}) {
        stride = written == known * count_ ? known : stride;
    }
    std::vector<NvmlProcess> processes;
    for (std::size_t i = 0; i < count_; ++i) {
        Entry entry{};
        std::memcpy(&entry, bytes_.data() + i * stride, sizeof(entry));
        // All ones is NVML's "not available"; zero comes from containers that may not know.
        const bool known = entry.bytes != 0 && entry.bytes != ~0ULL;
        processes.push_back({entry.pid, known ? std::optional(Bytes(entry.bytes)) : std::nullopt});
    }
    return processes;
}

}  // namespace hexcore
