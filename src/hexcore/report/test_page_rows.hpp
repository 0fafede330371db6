#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// Names on the page of a run are cut after so many bytes.
inline constexpr std::size_t page_name_max = 200;

/// What each attempt may have of what all share.
struct PageShares {
    std::size_t curve_points = 200;
    std::size_t reason_bytes = 8000;
};

/// What belongs together for a reader: a module, a suite, a program.
[[nodiscard]] std::string page_group(const TestCase& test, Framework framework);

/// A test for the page, without output. What few tests have stands there only if they have it;
/// verdicts are numbers, times and sizes of curves differences.
[[nodiscard]] nlohmann::ordered_json page_row(const TestResult& result, std::size_t group,
                                              const PageShares& shares);

}  // namespace hexcore
