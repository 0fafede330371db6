#pragma once

#include "hexcore/plan/plan.hpp"
#include "hexcore/report/svg_page.hpp"

namespace hexcore {

/// Measures that the parts of a plan's picture share, in pixels.
inline constexpr double svg_width = 1000;
inline constexpr double svg_margin = 40;
inline constexpr std::string_view svg_quiet_ink = "#52606d";

/// Draws the bars of the devices and of host memory from `y` down; returns where they end.
[[nodiscard]] double draw_devices(SvgPage& page, const Plan& plan, double y);

/// Draws who holds which layer and expert from `y` down; returns where it ends.
[[nodiscard]] double draw_experts(SvgPage& page, const Plan& plan, double y);

}  // namespace hexcore
