#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/examination_child.hpp"
#include "hexcore/cli/familiar_spelling.hpp"
#include "hexcore/cli/help_format.hpp"
#include "hexcore/cli/openmp_waiting.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/cli/version.hpp"
#include "hexcore/runtime/last_words.hpp"
#include "hexcore/runtime/llama_log.hpp"

namespace {

bool runs_another_program(std::string_view command) {
    return command == "limit" || command == "test" || command == "watch";
}

}  // namespace

int main(int argc, char** argv) {
    using namespace hexcore;
    if (const auto examined = run_examination(argc, argv)) {
        return *examined;
    }
    // A program that ignores it hands that on, and children can no longer be waited for.
    std::signal(SIGCHLD, SIG_DFL);
    CLI::App program(
        "Plans, runs and explains Mixture-of-Experts models on devices that they barely "
        "fit.");
    program.name("hexcore");
    set_up_help(program, version_text);
    Action action;
    std::optional<std::vector<std::string>> other_command;  // of another program's, behind `--`
    add_devices_command(program, action);
    add_plan_command(program, action);
    add_run_command(program, action);
    add_serve_command(program, action);
    add_reset_command(program, action);
    add_ask_command(program, action);
    add_assistant_command(program, action);
    add_verify_command(program, action);
    add_watch_command(program, action, other_command);
    add_limit_command(program, action, other_command);
    add_test_command(program, action, other_command);
    add_doctor_command(program, action);
    add_report_command(program, action);
    add_completion_command(program, action);
    add_man_command(program, action);
    auto words =
        in_own_spelling({argv + std::min(argc, 1), argv + argc}, describe_program(program));
    if (!words) {
        return report_error(words.error());
    }
    // Whatever another program's words look like, they are none of ours.
    if (const auto mark = std::find(words->begin(), words->end(), "--");
        mark != words->end() && runs_another_program(words->front())) {
        other_command.emplace(std::next(mark), words->end());
        words->erase(mark, words->end());
    }
    try {
        std::reverse(words->begin(), words->end());  // CLI11 takes them from the end
        program.parse(*std::move(words));
    } catch (const CLI::ParseError& error) {
        // CLI11 reports by exception; --help and --version are among them, which succeed.
        return report_parse_error(program, error, {print, complain});
    }
    if (program.got_subcommand("ask") || program.got_subcommand("run") ||
        program.got_subcommand("serve") || program.got_subcommand("verify")) {
        bound_openmp_waiting(argv);
    }
    end_program_with_a_sentence();
    silence_llama();
    return action();
}
