#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "ggml-cpp.h"
#include "hexcore/base/result.hpp"
#include "hexcore/plan/expert_cache.hpp"

namespace hexcore {

class Device;

/// Memory of one device for copies of experts that lie in main memory: slots of one size, one after
/// the other. Who is in them is the business of those who compute. Returns itself.
class ExpertCacheMemory {
public:
    /// Takes `slots` parts of `size` bytes, which must be multiples of
    /// ExpertLayout::shard_alignment, as one buffer, accounted as Purpose::expert_cache; until it
    /// ends the device has it as its expert_cache(). Fails with ErrorCode::does_not_fit, leaving
    /// nothing.
    [[nodiscard]] static Result<std::unique_ptr<ExpertCacheMemory>> take(Device& device, Bytes size,
                                                                         std::uint32_t slots);
    ~ExpertCacheMemory();
    ExpertCacheMemory(const ExpertCacheMemory&) = delete;
    ExpertCacheMemory& operator=(const ExpertCacheMemory&) = delete;

    /// One context at a time has it: true for the first to ask.
    [[nodiscard]] bool claim() { return !is_claimed_.exchange(true); }
    void release() { is_claimed_ = false; }

    /// An address of the device; of a simulated one, none of anything.
    [[nodiscard]] std::byte* base() const { return base_; }
    [[nodiscard]] std::byte* slot(std::uint32_t index) const;
    [[nodiscard]] Bytes slot_size() const { return slot_size_; }
    [[nodiscard]] std::uint32_t slots() const { return slots_; }
    /// For ggml_backend_tensor_set() and its like.
    [[nodiscard]] ggml_backend_buffer_t buffer() const { return buffer_.get(); }

    /// Where in a slot each part of an expert begins that has parts of these bytes: gate, up and
    /// down, or the first two merged, and down. The same for all experts of a layer.
    [[nodiscard]] static std::vector<Bytes> offsets_of(std::span<const Bytes> parts);
    /// Whether an expert with such parts goes into a slot.
    [[nodiscard]] bool has_room_for(std::span<const Bytes> parts) const;

private:
    ExpertCacheMemory(Device& device, ggml_backend_buffer_ptr buffer, Bytes slot_size,
                      std::uint32_t slots);

    Device& device_;
    ggml_backend_buffer_ptr buffer_;
    std::byte* base_;
    Bytes slot_size_;
    std::uint32_t slots_;
    std::atomic<bool> is_claimed_{false};
};

}  // namespace hexcore
