#pragma once

#include <chrono>
#include <string>

#include "hexcore/isolate/schedule.hpp"
#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

// What is said where memory is missing; `holders` are those who have most, or nobody is known.

/// Of a test that waited up to its deadline: `needs 8 GiB, and 2 GiB were free for 2 min`.
[[nodiscard]] std::string waited_text(const TestNeed& need, const TestNeed& free,
                                      std::chrono::milliseconds patience,
                                      const std::string& holders);
/// Of one that begins to wait.
[[nodiscard]] std::string waits_text(const std::string& test, const TestNeed& free,
                                     const std::string& holders);
/// Where ending tests would not help.
[[nodiscard]] std::string short_text(Bytes left, const std::string& holders);
/// Why a test can never run, other than for memory.
[[nodiscard]] std::string refusal_text(Schedule::Refusal::Why why);

}  // namespace hexcore
