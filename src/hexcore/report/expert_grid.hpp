#pragma once

#include <string>

#include "hexcore/plan/plan.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// The experts of a plan as lines of text of at most the style's columns: a row for each layer with
/// the layer's own device, then a character for each expert, which is its device's symbol. Up to 64
/// experts a layer that fit into a line, rows stand in as many blocks beside each other as there is
/// room for. Beyond that a character stands for several neighbours (`+` where they are not on one
/// device), exact counts follow, and equal rows of neighbouring layers become one. Empty without
/// routed experts.
[[nodiscard]] std::string expert_grid(const Plan& plan, TextStyle style);

}  // namespace hexcore
