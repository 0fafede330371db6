#pragma once

#include <string>

#include "hexcore/report/text_style.hpp"
#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// What a recording says, for people: how the command ended; of each device the peak, when, of how
/// much, and whether it grew; what it was made of; how near it came, and what would have been
/// enough; how precise all that is, and what it took. The first line begins with `hexcore: `.
[[nodiscard]] std::string watch_summary(const WatchFindings& findings, TextStyle style);

}  // namespace hexcore
