#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hexcore/cage/doctor.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// Which guard holds against what, how coarse, and what is missing here and why.
[[nodiscard]] std::string doctor_table(const DoctorReport& report, TextStyle style);
/// The document hexcore.doctor/1 (docs/formats/doctor.md).
[[nodiscard]] nlohmann::ordered_json doctor_json(const DoctorReport& report);

}  // namespace hexcore
