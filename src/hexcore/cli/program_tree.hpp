#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace hexcore {

/// What stands behind an option, or at a place among the arguments.
enum class ValueKind {
    none,    ///< nothing: a flag
    text,    ///< anything
    choice,  ///< one of the choices
    file,
    assistant,  ///< one's name, file or folder
    expert,     ///< of the assistant that the line names
};

/// An option, or a positional argument.
struct ArgumentSpec {
    std::vector<std::string> names;  ///< "-p", "--prompt"; none for a positional argument
    std::string value_name;          ///< "TEXT"; empty for a flag
    std::string description;
    std::string default_text;  ///< empty: none, chosen later, or in the description
    ValueKind takes = ValueKind::none;
    std::vector<std::string> choices;
    bool required = false;
    bool repeatable = false;

    /// "who wins (default: balanced)"
    [[nodiscard]] std::string description_with_default() const;
};

/// A command with what it understands; the program itself is the outermost one.
struct CommandSpec {
    std::string name;
    std::string path;  ///< "hexcore plan"
    std::string description;
    std::string footer;
    std::vector<ArgumentSpec> options;
    std::vector<ArgumentSpec> positionals;
    std::vector<CommandSpec> commands;
};

/// Reads the options and commands of a CLI11 program. Its choices are those of CLI::IsMember; it
/// takes a file where the option text is FILE or MODEL, and so on. Options and commands of the
/// empty group, which CLI11 hides from the help, are left out.
[[nodiscard]] CommandSpec describe_program(const CLI::App& program);

[[nodiscard]] ArgumentSpec describe_option(const CLI::Option& option);

/// The lines of the footer that are command lines of the program, without indentation.
[[nodiscard]] std::vector<std::string> examples(const CommandSpec& command);

/// The command, then the commands in it, to any depth.
[[nodiscard]] std::vector<const CommandSpec*> all_commands(const CommandSpec& program);

/// How a command is written: "hexcore plan [OPTIONS] [MODEL]".
[[nodiscard]] std::string synopsis(const CommandSpec& command);

/// The words of the text in lines of at most so many columns.
[[nodiscard]] std::string wrapped(const std::string& text, std::size_t columns);

}  // namespace hexcore
