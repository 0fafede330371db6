#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/cli/test_flags.hpp"
#include "hexcore/cli/test_run.hpp"

namespace hexcore {
namespace {

int run(const TestFlags& flags, const std::optional<std::vector<std::string>>& command) {
    if (!flags.without_mark.empty() || !command || command->empty()) {
        return report_error({ErrorCode::usage,
                             "write -- and the command that runs the tests behind the options: "
                             "hexcore test -- pytest"});
    }
    const auto settings = read_settings(flags);
    if (!settings) {
        return report_error(settings.error());
    }
    const auto code = run_test_command(flags, *settings, *command);
    return code ? *code : report_error(code.error());
}

}  // namespace

void add_test_command(CLI::App& program, Action& action,
                      const std::optional<std::vector<std::string>>& command) {
    auto* testing = program.add_subcommand(
        "test", "runs tests in processes of their own, as many at once as memory allows");
    testing->footer(
        "The command is a GoogleTest or Catch2 program, ctest, or pytest. Each test gets\n"
        "a process (with pytest each module), and leaves nothing behind. What each takes\n"
        "is kept, so that the next run knows; where memory runs short the biggest is\n"
        "ended and runs again alone. Exits with 1 if a test fails, or if none is meant.\n\n"
        "Ctrl-C ends in order, a second one at once; `t`, or SIGUSR1, says what runs.\n\n"
        "Examples:\n"
        "  hexcore test -- ./some_tests\n"
        "  hexcore test -j 4 --retries 2 --junit results.xml -- ctest --test-dir build\n"
        "  hexcore test -E 'Cache and not tag:slow' --timeout 90s -- pytest tests");
    auto flags = std::make_shared<TestFlags>();
    flags->add_to(*testing);
    testing->callback([&action, &command, flags] {
        action = [&command, flags] { return run(*flags, command); };
    });
}

}  // namespace hexcore
