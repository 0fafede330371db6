#include <memory>
#include <utility>

#include "hexcore/assistant/assistant_file.hpp"
#include "hexcore/cli/commands.hpp"
#include "hexcore/cli/completion_script.hpp"
#include "hexcore/cli/find_assistant.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

CompletedAssistants completed_assistants() {
    CompletedAssistants all{.folder = "hexcore/assistants", .when_none = default_assistant};
    for (const AssistantPlace& place : shipped_assistants()) {
        const auto assistant = read_assistant(place.file);
        if (!assistant) {
            continue;
        }
        CompletedAssistants::Shipped shipped{place.name, {}};
        for (const ExpertDescription& expert : assistant->experts) {
            shipped.experts.push_back(expert.name);
        }
        all.shipped.push_back(std::move(shipped));
    }
    return all;
}

}  // namespace

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
            const CompletedAssistants assistants = completed_assistants();
            print(*shell == "bash"  ? completion_bash(tree, assistants)
                  : *shell == "zsh" ? completion_zsh(tree, assistants)
                                    : completion_fish(tree, assistants));
            return 0;
        };
    });
}

}  // namespace hexcore
