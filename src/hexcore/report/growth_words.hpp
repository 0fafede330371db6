#pragma once

#include <string>
#include <vector>

#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// In a few words: "+2.1 MiB a step: leak", "+12.0 KiB/s: growing", "none".
[[nodiscard]] std::string growth_words(const Growth& growth);

/// A sentence for each label that repeats: how often, what was left behind, where it was taken, and
/// how that is known. Of those beyond the first few only what grows.
[[nodiscard]] std::vector<std::string> repeat_sentences(const WatchFindings& findings);

}  // namespace hexcore
