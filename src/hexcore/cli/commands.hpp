#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace hexcore {

/// What the chosen command does; its result is the exit code.
using Action = std::function<int()>;

// Each adds one command to the program. When the command line names it, `action` is set. Help,
// completion and the manual page are made of what it adds: give every command a footer with an
// example, every option a description and an option text (FILE or MODEL where its value is a file),
// and CLI::IsMember where there is a fixed choice.
void add_ask_command(CLI::App& program, Action& action);
void add_assistant_command(CLI::App& program, Action& action);
void add_devices_command(CLI::App& program, Action& action);
void add_doctor_command(CLI::App& program, Action& action);
void add_plan_command(CLI::App& program, Action& action);
void add_run_command(CLI::App& program, Action& action);
void add_reset_command(CLI::App& program, Action& action);
void add_serve_command(CLI::App& program, Action& action);
void add_verify_command(CLI::App& program, Action& action);
/// `command` has the words behind `--`, where there is one, when the action is taken; so for the
/// others that run another program.
void add_watch_command(CLI::App& program, Action& action,
                       const std::optional<std::vector<std::string>>& command);
void add_limit_command(CLI::App& program, Action& action,
                       const std::optional<std::vector<std::string>>& words);
void add_test_command(CLI::App& program, Action& action,
                      const std::optional<std::vector<std::string>>& command);
void add_report_command(CLI::App& program, Action& action);
void add_completion_command(CLI::App& program, Action& action);
void add_man_command(CLI::App& program, Action& action);

}  // namespace hexcore
