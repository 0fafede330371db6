#include <CLI/CLI.hpp>

#include "hexcore/base/result.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/version.hpp"

int main(int argc, char** argv) {
    using namespace hexcore;
    CLI::App program(
        "Plans, runs and explains Mixture-of-Experts models on devices that they barely "
        "fit.");
    program.name("hexcore");
    program.set_version_flag("--version", version_text);
    program.require_subcommand(1);
    program.footer(
        "Exit codes: 0 done, 1 the answer is no, 2 wrong usage, 3 does not fit, 4 bad "
        "input file, 5 no such device, 130 interrupted.\n"
        "hexcore COMMAND --help explains a command, with an example.");
    Action action;
    add_devices_command(program, action);
    add_plan_command(program, action);
    add_run_command(program, action);
    add_verify_command(program, action);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // CLI11 reports by exception; --help and --version are among them, with exit code 0.
        return program.exit(error) == 0 ? 0 : static_cast<int>(ErrorCode::usage);
    }
    return action();
}
