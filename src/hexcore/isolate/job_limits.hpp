#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hexcore/cage/limits.hpp"
#include "hexcore/isolate/history.hpp"
#include "hexcore/isolate/job_graph.hpp"

namespace hexcore {

/// What a test is let in with: what it declares, else what earlier runs took.
[[nodiscard]] Known known_of(const TestCase& test, const TestHistory::Runs& history,
                             const TestMachine& machine);

/// What a process of these tests is held to: only what they declare. A process of several has the
/// limit that all of them have.
[[nodiscard]] CageLimits limits_of(const std::vector<const TestCase*>& tests,
                                   std::optional<std::uint32_t> processes);

}  // namespace hexcore
