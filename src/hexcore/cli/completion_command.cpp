#include <memory>

#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/completion_script.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {

void add_completion_command(CLI::App& program, Action& action) {
    auto* command =
        program.add_subcommand("completion", "prints the completion script for a shell");
    command->footer(
        "Examples:\n"
        "  hexcore completion bash > ~/.local/share/bash-completion/completions/hexcore\n"
        "  hexcore completion zsh > ~/.zfunc/_hexcore\n"
        "  hexcore completion fish > ~/.config/fish/completions/hexcore.fish\n"
        "For the running shell alone: source <(hexcore completion bash)");
    auto shell = std::make_shared<std::string>();
    command->add_option("shell", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->option_text("SHELL");
    command->callback([&program, &action, shell] {
        action = [&program, shell] {
            const CommandSpec tree = describe_program(program);
            print(*shell == "bash"  ? completion_bash(tree)
                  : *shell == "zsh" ? completion_zsh(tree)
                                    : completion_fish(tree));
            return 0;
        };
    });
}

}  // namespace hexcore
