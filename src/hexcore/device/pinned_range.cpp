#include "hexcore/device/pinned_range.hpp"

#include <map>
#include <mutex>

namespace hexcore {
namespace {

// CUDA Driver API reference, "Memory Management".
using RegisterMemory = int(void* begin, std::size_t size, unsigned flags);
using UnregisterMemory = int(void* begin);
constexpr unsigned for_all_contexts = 1;  // CU_MEMHOSTREGISTER_PORTABLE

}  // namespace

std::shared_ptr<PinnedRange> PinnedRange::of(void* begin, std::size_t size_bytes, std::uint32_t gpu,
                                             const std::string& cuda_library) {
    static std::mutex mutex;
    static std::map<void*, std::weak_ptr<PinnedRange>> ranges;
    const std::lock_guard lock(mutex);
    std::erase_if(ranges, [](const auto& known) { return known.second.expired(); });
    if (const auto known = ranges.find(begin); known != ranges.end()) {
        return known->second.lock();
    }
    const auto cuda = DynamicLibrary::open(cuda_library);
    if (!cuda) {
        return nullptr;
    }
    std::shared_ptr<PinnedRange> range(new PinnedRange(*cuda, gpu, begin));
    if (!range->pin(size_bytes)) {
        return nullptr;
    }
    ranges[begin] = range;
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
    auto* unpin = cuda_.function<UnregisterMemory>("cuMemHostUnregister");
    if (is_pinned_ && unpin != nullptr) {
        (void)context_.within([&] { return unpin(begin_); });
    }
}

}  // namespace hexcore
