#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "hexcore/base/bytes.hpp"
#include "hexcore/plan/plan.hpp"
#include "hexcore/report/text_style.hpp"

namespace hexcore {

/// `columns` characters that stand for `budget`: what `usage` takes by purpose, then what is free,
/// then what is reserved. What goes beyond the budget is cut off; what is there at all has a
/// character.
[[nodiscard]] std::string memory_bar(const Usage& usage, Bytes reserve, Bytes budget,
                                     std::size_t columns, Charset charset);

/// What each of the characters of memory_bar means.
[[nodiscard]] std::vector<std::string> memory_bar_legend(bool with_recurrent_state,
                                                         Charset charset);

/// `columns` characters of which a share of `fraction` (0 to 1) is filled; in Unicode to an eighth
/// of a character.
[[nodiscard]] std::string fraction_bar(double fraction, std::size_t columns, Charset charset);

}  // namespace hexcore
