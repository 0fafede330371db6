#pragma once

#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/reserve/standing.hpp"

namespace hexcore {

/// The refusal of a newcomer: what is short, and which reservations have it.
[[nodiscard]] Error shortage_error(const ReservationRecord& newcomer,
                                   const std::vector<ResourceShortage>& shortages,
                                   const std::vector<ReservationRecord>& records,
                                   const KeptBack& kept);

}  // namespace hexcore
