#pragma once

#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/reserve/standing.hpp"

namespace hexcore {

/// The refusal of a newcomer: what is short, and which reservations have it.
[[nodiscard]] Error shortage_error(const ReservationRecord& newcomer,
                                   const std::vector<ResourceShortage>& shortages,
                                   const std::vector<ReservationRecord>& records,
                                   const KeptBack& kept);

/// Who has of `what` (as in a ResourceShortage) what is not taken yet, the largest first: `reserved
/// and not yet taken are 12.0 GiB by process 4711 (tests/test_train.py)`. Empty: nobody.
[[nodiscard]] std::string reserved_text(const std::string& what,
                                        const std::vector<ReservationRecord>& records);

}  // namespace hexcore
