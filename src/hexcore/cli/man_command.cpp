#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/man_page.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/cli/version.hpp"

namespace hexcore {

void add_man_command(CLI::App& program, Action& action) {
    auto* command = program.add_subcommand("man", "prints the manual page, in roff");
    command->footer("Example: hexcore man | man -l -");
    command->callback([&program, &action] {
        action = [&program] {
            print(man_page(describe_program(program), version_text));
            return 0;
        };
    });
}

}  // namespace hexcore
