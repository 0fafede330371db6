#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// Puts the output of each attempt into `rows`, those of page_row() for `results`: as much as there
/// is room for, first of tests that failed or ran again. The number of outputs that are left out.
[[nodiscard]] std::size_t add_outputs(nlohmann::ordered_json& rows,
                                      const std::vector<const TestResult*>& results,
                                      std::size_t room_bytes);

}  // namespace hexcore
