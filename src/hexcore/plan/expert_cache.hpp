#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hexcore/base/bytes.hpp"
#include "hexcore/base/result.hpp"

namespace hexcore {

struct ModelProfile;
struct Plan;
struct PlanRequest;

// Of experts in the memory of a device, whether their own or copies: parts (one tensor's slices of
// some experts, in a row) start at multiples of this, the most that any ggml backend asks for, ...
inline constexpr Bytes expert_part_alignment{512};
/// ... and end with this: CUDA's quantised kernels read rows in steps of 512 elements, past the
/// last one, which is 544 bytes of its widest type (q8_0).
inline constexpr Bytes expert_part_slack{544};
/// What a part takes of which `experts` bytes are experts.
[[nodiscard]] inline Bytes expert_part_size(Bytes experts) {
    return round_up(experts + expert_part_slack, expert_part_alignment);
}

/// What went through an expert cache. A lookup is one expert of one layer that a token uses and
/// that lies in main memory.
struct ExpertCacheStats {
    std::uint32_t slots = 0;
    std::uint64_t lookups = 0;
    std::uint64_t hits = 0;     ///< of them, those that were there
    std::uint64_t uploads = 0;  ///< experts that were copied to the GPU
    Bytes bytes;                ///< that this took

    [[nodiscard]] std::uint64_t misses() const { return lookups - hits; }
    [[nodiscard]] double hit_rate() const {
        return lookups == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(lookups);
    }
    /// What another cache had besides.
    ExpertCacheStats& operator+=(const ExpertCacheStats& other);
    bool operator==(const ExpertCacheStats&) const = default;
};

/// What one expert takes in a cache, of the layer where that is most; 0: a model without experts.
[[nodiscard]] Bytes expert_slot_size(const ModelProfile& model);

/// Whether the request is for a cache, and what it is for can be: experts that lie in main memory,
/// and a GPU that layers are at home on.
[[nodiscard]] bool can_cache_experts(const PlanRequest& request);

/// Fails with ErrorCode::usage where one expert is more than the cache that the request is for.
[[nodiscard]] Result<void> check_expert_cache(const PlanRequest& request);

/// How many slots the cache that the request is for has on each GPU that needs one.
[[nodiscard]] std::uint32_t expert_cache_slots(const PlanRequest& request);

/// How many experts of layers that are at home on device number `home`, a GPU, lie in main memory.
[[nodiscard]] std::uint64_t cacheable_experts(const Plan& plan, std::size_t home);
/// Of all devices together.
[[nodiscard]] std::uint64_t cacheable_experts(const Plan& plan);

/// Has each device's cache hold as many experts of this model as there are bytes planned for it, at
/// most those that can ever be there, and takes no bytes for more.
void fit_expert_caches(const ModelProfile& model, Plan& plan);

/// Why a plan that is for a cache has none; nothing: it has one.
[[nodiscard]] std::optional<std::string> no_expert_cache(const ModelProfile& model,
                                                         const Plan& plan);

/// Of a plan that is for a cache: that, or what the cache can hold.
[[nodiscard]] std::string expert_cache_sentence(const ModelProfile& model, const Plan& plan);

}  // namespace hexcore
