#include "hexcore/device/pinned_range.hpp"

#include <condition_variable>
#include <map>
#include <mutex>

namespace hexcore {
namespace {

// CUDA Driver API reference, "Memory Management".
using RegisterMemory = int(void* begin, std::size_t size, unsigned flags);
using UnregisterMemory = int(void* begin);
constexpr unsigned for_all_contexts = 1;  // CU_MEMHOSTREGISTER_PORTABLE

/// What is pinned, and by whom; the last one's destructor takes it out.
struct Ranges {
    std::mutex mutex;
    std::condition_variable has_gone;
    std::map<void*, std::weak_ptr<PinnedRange>> known;
};

Ranges& all_ranges() {
    static Ranges ranges;
    return ranges;
}

}  // namespace

std::shared_ptr<PinnedRange> PinnedRange::of(void* begin, std::size_t size_bytes, std::uint32_t gpu,
                                             const std::string& cuda_library) {
    Ranges& ranges = all_ranges();
    std::unique_lock lock(ranges.mutex);
    for (auto known = ranges.known.find(begin); known != ranges.known.end();
         known = ranges.known.find(begin)) {
        if (auto range = known->second.lock()) {
            return range;
        }
        ranges.has_gone.wait(lock);  // it is being unpinned
    }
    const auto cuda = DynamicLibrary::open(cuda_library);
    if (!cuda) {
        return nullptr;
    }
    std::shared_ptr<PinnedRange> range(new PinnedRange(*cuda, gpu, begin));
    if (!range->pin(size_bytes)) {
        return nullptr;
    }
    ranges.known[begin] = range;
    return range;
}

PinnedRange::PinnedRange(const DynamicLibrary& cuda, std::uint32_t gpu, void* begin)
    : cuda_(cuda), context_(cuda, gpu), begin_(begin) {}

bool PinnedRange::pin(std::size_t size_bytes) {
    auto* pin = cuda_.function<RegisterMemory>("cuMemHostRegister_v2");
    is_pinned_ = context_.is_held() && pin != nullptr &&
                 context_.within([&] { return pin(begin_, size_bytes, for_all_contexts); }) == 0;
    return is_pinned_;
}

PinnedRange::~PinnedRange() {
    if (!is_pinned_) {
        return;
    }
    Ranges& ranges = all_ranges();
    const std::lock_guard lock(ranges.mutex);
    if (auto* unpin = cuda_.function<UnregisterMemory>("cuMemHostUnregister")) {
        (void)context_.within([&] { return unpin(begin_); });
    }
    ranges.known.erase(begin_);
    ranges.has_gone.notify_all();
}

}  // namespace hexcore
