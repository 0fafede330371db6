#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hexcore/isolate/test_results.hpp"

namespace hexcore {

/// A run of tests as a hexcore.test/1 document: docs/formats/test.md.
[[nodiscard]] std::string test_json(const TestRun& run);

// Parts of it, for other documents.
[[nodiscard]] nlohmann::ordered_json growth_json(const std::vector<DeviceGrowth>& growth);
[[nodiscard]] nlohmann::ordered_json stack_json(const CrashStack& stack);  ///< null: it is empty

}  // namespace hexcore
