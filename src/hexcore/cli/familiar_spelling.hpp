#pragma once

#include <string>
#include <vector>

#include "hexcore/base/result.hpp"
#include "hexcore/cli/program_tree.hpp"

namespace hexcore {

/// The words behind the program's name with options of llama.cpp's programs (`--ctx-size 8192`, `-m
/// FILE`) as this program spells them; values of options, and what stands behind `--`, stay as they
/// are. Fails with ErrorCode::usage for one that has no counterpart here (`-ngl 99`), in a sentence
/// that says what takes its place.
[[nodiscard]] Result<std::vector<std::string>> in_own_spelling(
    const std::vector<std::string>& words, const CommandSpec& program);

}  // namespace hexcore
