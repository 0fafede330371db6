#pragma once

#include <string>

#include "hexcore/cli/program_tree.hpp"

namespace hexcore {

// Each gives a shell's completion script for the program: its commands, options, their choices,
// and files where a file is due. It needs nothing but the shell itself, and can be sourced or lie
// in the folder from which the shell loads completions.
[[nodiscard]] std::string completion_bash(const CommandSpec& program);
[[nodiscard]] std::string completion_zsh(const CommandSpec& program);
[[nodiscard]] std::string completion_fish(const CommandSpec& program);

/// Quoted for bash and zsh, where nothing is special between single quotes.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace hexcore
