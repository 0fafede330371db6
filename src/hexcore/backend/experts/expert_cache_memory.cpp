#include "hexcore/backend/experts/expert_cache_memory.hpp"

#include <utility>

#include "hexcore/backend/device.hpp"

namespace hexcore {

Result<std::unique_ptr<ExpertCacheMemory>> ExpertCacheMemory::take(Device& device, Bytes size,
                                                                   std::uint32_t slots) {
    HEXCORE_CHECK(size > Bytes() && slots > 0, size.count(), slots);
    HEXCORE_CHECK(size.count() % expert_part_alignment.count() == 0, size.count(),
                  expert_part_alignment.count());
    auto buffer = device.allocate_experts(size * slots, Purpose::expert_cache);
    if (!buffer) {
        // The ledger knows how much was asked for, and of how much.
        auto refusal = device.memory().ledger().last_refusal();
        return tl::unexpected(refusal ? std::move(*refusal) : std::move(buffer.error()));
    }
    return std::unique_ptr<ExpertCacheMemory>(
        new ExpertCacheMemory(device, std::move(*buffer), size, slots));
}

ExpertCacheMemory::ExpertCacheMemory(Device& device, ggml_backend_buffer_ptr buffer,
                                     Bytes slot_size, std::uint32_t slots)
    : device_(device),
      buffer_(std::move(buffer)),
      base_(static_cast<std::byte*>(ggml_backend_buffer_get_base(buffer_.get()))),
      slot_size_(slot_size),
      slots_(slots) {
    HEXCORE_CHECK(device_.expert_cache() == nullptr, device_.name(), "has one already");
    device_.set_expert_cache(this);
}

ExpertCacheMemory::~ExpertCacheMemory() { device_.set_expert_cache(nullptr); }

std::byte* ExpertCacheMemory::slot(std::uint32_t index) const {
    HEXCORE_CHECK(index < slots_, index, slots_);
    return base_ + (slot_size_ * index).count();
}

std::vector<Bytes> ExpertCacheMemory::offsets_of(std::span<const Bytes> parts) {
    std::vector<Bytes> offsets;
    Bytes end;
    for (const Bytes part : parts) {
        offsets.push_back(end);
        end += expert_part_size(part);
    }
    return offsets;
}

bool ExpertCacheMemory::has_room_for(std::span<const Bytes> parts) const {
    Bytes sum;
    for (const Bytes part : parts) {
        sum += expert_part_size(part);
    }
    return sum <= slot_size_;
}

}  // namespace hexcore
