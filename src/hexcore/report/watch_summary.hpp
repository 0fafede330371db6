#pragma once

#include <string>
#include <vector>

#include "hexcore/report/text_style.hpp"
#include "hexcore/watch/findings.hpp"

namespace hexcore {

/// What a recording says, for people: how the command ended; of each device the peak, when, of how
/// much, and whether it grew; what it was made of; how near it came, and what would have been
/// enough; how precise all that is, and what it took. The first line begins with `hexcore: `.
[[nodiscard]] std::string watch_summary(const WatchFindings& findings, TextStyle style);

/// Its first sentence, without what was watched: "python3 train.py ended with exit code 0 after
/// ...".
[[nodiscard]] std::string watch_headline(const WatchFindings& findings);

/// The end of that as paragraphs: how near it came, how precise it is, what it took, what was
/// missed.
[[nodiscard]] std::vector<std::string> watch_sentences(const WatchFindings& findings);

}  // namespace hexcore
