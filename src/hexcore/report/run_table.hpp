#pragma once

#include <string>

#include "hexcore/report/run_report.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// What a run took, for a person: planned, accounted and measured bytes of each device, what was
/// left after unloading, and how fast it was. The generated text is not part of it.
[[nodiscard]] std::string run_table(const RunReport& report, TextStyle style);

/// One paragraph that says whether the outputs agree.
[[nodiscard]] std::string verify_text(const VerifyReport& report, TextStyle style);

}  // namespace hexcore
