#pragma once

#include <string>

#include "hexcore/plan/plan.hpp"

namespace hexcore {

/// The plan as an SVG picture, 1000 pixels wide: a bar for each device by purpose, a map of layers
/// by experts coloured by device, modelled times and explanation. Every box has a tooltip.
[[nodiscard]] std::string plan_svg(const Plan& plan);

}  // namespace hexcore
