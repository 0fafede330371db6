#include "hexcore/cli/program_tree.hpp"

#include <fmt/ranges.h>

#include "hexcore/report/text_style.hpp"

namespace hexcore {
namespace {

/// CLI::IsMember has no getter for its members, but appends them to the type's name: "{a,b}".
std::vector<std::string> choices_of(const CLI::Option& option) {
    const std::string type = option.get_type_name();
    const auto open = type.find('{');
    const auto close = type.find('}', open);
    if (open == std::string::npos || close == std::string::npos) {
        return {};
    }
    return CLI::detail::split(type.substr(open + 1, close - open - 1), ',');
}

std::string default_text(const CLI::Option& option) {
    const std::string text = option.get_default_str();
    // Zero, an empty list or text stand for a default that is chosen later.
    const bool chosen_later = text == "0" || text == "[]" || text == "\"\"";
    const bool described = option.get_description().find("default:") != std::string::npos;
    return chosen_later || described ? "" : text;
}

CommandSpec describe_command(const CLI::App& app, const std::string& path) {
    CommandSpec spec{.name = app.get_name(),
                     .path = path,
                     .description = app.get_description(),
                     .footer = app.get_footer(),
                     .options = {},
                     .positionals = {},
                     .commands = {}};
    for (const CLI::Option* option : app.get_options()) {
        if (!option->get_group().empty()) {
            (option->nonpositional() ? spec.options : spec.positionals)
                .push_back(describe_option(*option));
        }
    }
    for (const CLI::App* command : app.get_subcommands(nullptr)) {
        if (!command->get_group().empty() && !command->get_name().empty()) {
            spec.commands.push_back(describe_command(*command, path + " " + command->get_name()));
        }
    }
    return spec;
}

void collect(const CommandSpec& command, std::vector<const CommandSpec*>& all) {
    all.push_back(&command);
    for (const CommandSpec& inner : command.commands) {
        collect(inner, all);
    }
}

}  // namespace

std::string ArgumentSpec::description_with_default() const {
    return default_text.empty() ? description : description + " (default: " + default_text + ")";
}

ArgumentSpec describe_option(const CLI::Option& option) {
    ArgumentSpec spec;
    for (const std::string& name : option.get_snames()) {
        spec.names.push_back("-" + name);
    }
    for (const std::string& name : option.get_lnames()) {
        spec.names.push_back("--" + name);
    }
    spec.description = option.get_description();
    spec.required = option.get_required();
    if (option.get_items_expected_max() == 0) {
        return spec;
    }
    spec.default_text = default_text(option);
    spec.value_name =
        option.get_option_text().empty() ? option.get_type_name() : option.get_option_text();
    spec.choices = choices_of(option);
    spec.repeatable = option.get_multi_option_policy() == CLI::MultiOptionPolicy::TakeAll ||
                      option.get_items_expected_max() > 1;
    const bool is_file = spec.value_name == "FILE" || spec.value_name == "MODEL";
    spec.takes = !spec.choices.empty()            ? ValueKind::choice
                 : is_file                        ? ValueKind::file
                 : spec.value_name == "ASSISTANT" ? ValueKind::assistant
                 : spec.value_name == "EXPERT"    ? ValueKind::expert
                                                  : ValueKind::text;
    return spec;
}

CommandSpec describe_program(const CLI::App& program) {
    return describe_command(program, program.get_name());
}

std::vector<std::string> examples(const CommandSpec& command) {
    const std::string program = command.path.substr(0, command.path.find(' ')) + " ";
    std::vector<std::string> found;
    std::istringstream lines(command.footer);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("Example: ")) {
            line.erase(0, line.find(' '));
        }
        line.erase(0, line.find_first_not_of(' '));
        // "hexcore COMMAND --help" speaks about commands and is none.
        if (line.starts_with(program) && !line.starts_with(program + "COMMAND")) {
            found.push_back(line);
        }
    }
    return found;
}

std::vector<const CommandSpec*> all_commands(const CommandSpec& program) {
    std::vector<const CommandSpec*> all;
    collect(program, all);
    return all;
}

std::string synopsis(const CommandSpec& command) {
    std::string text = command.path + " [OPTIONS]";
    for (const ArgumentSpec& positional : command.positionals) {
        const std::string name = positional.value_name + (positional.repeatable ? "..." : "");
        text += positional.required ? " " + name : " [" + name + "]";
    }
    return command.commands.empty() ? text : text + " COMMAND";
}

std::string wrapped(const std::string& text, std::size_t columns) {
    return fmt::format("{}", fmt::join(wrap_text(text, columns), "\n"));
}

}  // namespace hexcore
