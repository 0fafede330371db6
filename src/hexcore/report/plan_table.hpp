#pragma once

#include <string>

#include "hexcore/plan/plan.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// The plan for a person: per device a bar, layers, experts and planned bytes by purpose; then who
/// holds each expert; then the modelled times and the explanation.
[[nodiscard]] std::string plan_table(const Plan& plan, TextStyle style);

}  // namespace hexcore
