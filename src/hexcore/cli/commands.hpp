#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace hexcore {

/// What the chosen command does; its result is the exit code.
using Action = std::function<int()>;

// Each adds one command to the program. When the command line names it, `action` is set.
void add_devices_command(CLI::App& program, Action& action);
void add_plan_command(CLI::App& program, Action& action);
void add_run_command(CLI::App& program, Action& action);
void add_verify_command(CLI::App& program, Action& action);

}  // namespace hexcore
