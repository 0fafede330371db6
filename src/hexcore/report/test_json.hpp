#pragma once

#include <string>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// A run of tests as a hexcore.test/1 document: docs/formats/test.md.
[[nodiscard]] std::string test_json(const TestRun& run);

}  // namespace hexcore
