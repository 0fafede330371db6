#pragma once

#include <string>

#include "hexcore/cli/program_tree.hpp"

namespace hexcore {

/// The manual page of section 1, as roff with the man macros: every command with its options, then
/// devices, sizes, exit status, environment, and the examples of all commands. `version` is what
/// --version prints.
[[nodiscard]] std::string man_page(const CommandSpec& program, const std::string& version);

}  // namespace hexcore
