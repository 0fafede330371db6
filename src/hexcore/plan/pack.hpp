#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hexcore/plan/problem.hpp"

namespace hexcore {

/// For each device, how many experts of each size class it may take.
using Quotas = std::vector<std::vector<std::uint32_t>>;  // [device][class]

/// Divides the room for experts among the size classes so that all experts of the model fit, or
/// returns nothing. With one size each device simply gets as many as its room holds. With several
/// this is a packing problem: devices are filled one after another, the largest size first, and
/// taken back where the rest does not fit, for at most `max_steps` trials. So "nothing" is certain
/// for one size and for problems within the limit (all small ones); beyond it, a packing can only
/// be missed where the devices together have less room to spare than one expert each.
[[nodiscard]] std::optional<Quotas> pack_experts(const Problem& problem, const DeviceBytes& rooms,
                                                 std::uint32_t max_steps = 4000);

}  // namespace hexcore
