#pragma once

#include <array>

#include "hexcore/base/bytes.hpp"

namespace hexcore {

/// What device memory is taken for.
enum class Purpose {
    weights,
    experts,
    adapters,
    kv,
    recurrent,
    compute,
    expert_cache,
    staging,
    parked
};
[[nodiscard]] const char* to_string(Purpose purpose);

/// In the order in which they are shown.
inline constexpr std::array all_purposes = {
    Purpose::weights, Purpose::experts,      Purpose::adapters, Purpose::kv,    Purpose::recurrent,
    Purpose::compute, Purpose::expert_cache, Purpose::staging,  Purpose::parked};

/// Bytes on one device by what they are for.
struct Usage {
    Bytes weights;  ///< without routed experts
    Bytes experts;
    Bytes adapters;   ///< LoRA, of weights and of experts
    Bytes kv;         ///< of attention; grows with the tokens of context
    Bytes recurrent;  ///< state of linear attention, convolutions; of one size for each sequence
    Bytes compute;
    Bytes expert_cache = {};  ///< room for copies of experts that lie in main memory; of GPUs alone
    Bytes staging;
    Bytes parked;  ///< cells of sessions that made room in the cache; of host memory alone

    /// The one of that purpose.
    [[nodiscard]] Bytes& operator[](Purpose purpose);
    [[nodiscard]] Bytes operator[](Purpose purpose) const;

    [[nodiscard]] Bytes total() const;
    bool operator==(const Usage&) const = default;
};

}  // namespace hexcore
