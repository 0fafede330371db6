#pragma once

#include <nlohmann/json_fwd.hpp>

#include "hexcore/report/run_report.hpp"

namespace hexcore {

/// The run as a "hexcore.run/1" document (docs/formats/run.md).
[[nodiscard]] nlohmann::ordered_json run_json(const RunReport& report);

/// One device, as in run and plugin documents.
[[nodiscard]] nlohmann::ordered_json run_device_json(const RunDevice& device);

/// The comparison as a "hexcore.verify/1" document (docs/formats/verify.md).
[[nodiscard]] nlohmann::ordered_json verify_json(const VerifyReport& report);

}  // namespace hexcore
