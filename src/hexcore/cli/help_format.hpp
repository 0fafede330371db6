#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>

namespace hexcore {

/// Gives the program, to which commands are added afterwards, its help and version options and a
/// help text with defaults and lines of 80 columns at most.
void set_up_help(CLI::App& program, const std::string& version);

/// Where help goes, and what is wrong with the command line.
struct HelpOutput {
    std::function<void(std::string_view)> print;  ///< to stdout
    std::function<void(std::string_view)> complain;
};

/// Complains of what is wrong with the command line, as one paragraph that names the help to ask
/// for; where nothing was given at all, prints the first steps to stderr. Returns the exit code.
/// Where the "error" is that help or the version was asked for, prints those and returns 0.
[[nodiscard]] int report_parse_error(const CLI::App& program, const CLI::ParseError& error,
                                     const HelpOutput& output);

}  // namespace hexcore
