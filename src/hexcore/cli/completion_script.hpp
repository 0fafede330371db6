#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hexcore/cli/program_tree.hpp"

namespace hexcore {

/// What scripts know of assistants: the shells find the user's own.
struct CompletedAssistants {
    struct Shipped {
        std::string name;
        std::vector<std::string> experts;
    };
    std::string folder;                 ///< of the user's, below `$XDG_DATA_HOME`
    std::string when_none = {};         ///< whose experts are meant where a line names no assistant
    std::vector<Shipped> shipped = {};  ///< that come with the program
};

// Each gives a shell's completion script for the program: its commands, options, their choices,
// and files, assistants or experts where those are due. It needs nothing but the shell itself, and
// can be sourced or lie in the folder from which the shell loads completions.
[[nodiscard]] std::string completion_bash(const CommandSpec& program,
                                          const CompletedAssistants& assistants = {});
[[nodiscard]] std::string completion_zsh(const CommandSpec& program,
                                         const CompletedAssistants& assistants = {});
[[nodiscard]] std::string completion_fish(const CommandSpec& program,
                                          const CompletedAssistants& assistants = {});

/// A part of such a script with what is known of assistants in place of SHIPPED (names), EXPERTS
/// (for each of these a line, made of name and experts), FOLDER and DEFAULT.
[[nodiscard]] std::string with_assistants(std::string text, const CompletedAssistants& assistants,
                                          std::string_view line_of_experts);

/// Quoted for bash and zsh, where nothing is special between single quotes.
[[nodiscard]] std::string shell_quoted(const std::string& text);

}  // namespace hexcore
