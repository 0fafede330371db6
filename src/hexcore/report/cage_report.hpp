#pragma once

#include <string>
#include <vector>

#include "hexcore/cage/guards.hpp"
#include "hexcore/cage/outcome.hpp"

namespace hexcore {

/// `python3 train.py was over its limit: 512 MiB of memory ...`: what was reached, who guarded, who
/// had most.
[[nodiscard]] std::string breach_text(const Breach& breach, const Guards& guards);
/// "left behind: process sleep (pid 7), 1.0 MiB, ended; ...": of each what became of it, of at most
/// `named`. Empty where nothing was left.
[[nodiscard]] std::string residue_text(const std::vector<Residue>& residues,
                                       std::size_t named = std::size_t(-1));
/// Whether something of it is there still.
[[nodiscard]] bool anything_stays(const std::vector<Residue>& residues);

}  // namespace hexcore
