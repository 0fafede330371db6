#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "hexcore/watch/findings.hpp"

namespace hexcore {

// The parts of what a recording says that need no table: for its summary, its page and its picture.

/// The first sentence, without what was watched: "python3 train.py ended with exit code 0 after
/// ...".
[[nodiscard]] std::string watch_headline(const WatchFindings& findings);

/// The last paragraphs: how near it came, how precise it is, what it took, what was missed.
[[nodiscard]] std::vector<std::string> watch_sentences(const WatchFindings& findings);

/// Those of which something was in use; GPUs first, for whose sake people look.
[[nodiscard]] std::vector<const DeviceFindings*> devices_in_order(const WatchFindings& findings);

/// "1 process", "3 processes"
[[nodiscard]] std::string processes_text(std::uint64_t count);

}  // namespace hexcore
