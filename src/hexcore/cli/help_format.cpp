#include "hexcore/cli/help_format.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>
#include <sstream>

#include "hexcore/base/result.hpp"
#include "hexcore/cli/exit_codes.hpp"
#include "hexcore/cli/program_tree.hpp"

namespace hexcore {
namespace {

constexpr std::size_t help_columns = 80;
constexpr std::size_t name_columns = 22;

class HelpFormat : public CLI::Formatter {
public:
    HelpFormat() {
        column_width(name_columns);
        label("SUBCOMMAND", "COMMAND");
        label("Positionals", "Arguments");
    }

    std::string make_description(const CLI::App* app) const override {
        return wrapped(CLI::Formatter::make_description(app), help_columns) + '\n';
    }

    std::string make_usage(const CLI::App* app, std::string name) const override {
        const CommandSpec command = describe_program(*app);
        std::string usage = synopsis(command);
        return fmt::format("\n{}: {}\n", get_label("Usage"),
                           usage.replace(0, command.path.size(), name));
    }

    std::string make_option_opts(const CLI::Option* option) const override {
        // Behind a flag CLI11 has what excludes it.
        return option->get_items_expected_max() == 0 ? ""
                                                     : CLI::Formatter::make_option_opts(option);
    }

    std::string make_option_desc(const CLI::Option* option) const override {
        return wrapped(describe_option(*option).description_with_default(),
                       help_columns - name_columns);
    }

    std::string make_subcommands(const CLI::App* app, CLI::AppFormatMode mode) const override {
        return CLI::detail::find_and_replace(CLI::Formatter::make_subcommands(app, mode),
                                             "\nSubcommands:\n", "\nCommands:\n");
    }

    std::string make_subcommand(const CLI::App* command) const override {
        std::ostringstream out;
        CLI::detail::format_help(out, command->get_name(),
                                 wrapped(command->get_description(), help_columns - name_columns),
                                 name_columns);
        return out.str();
    }
};

std::string exit_code_list() {
    std::string list;
    for (const ExitCodeMeaning& exit : exit_codes) {
        list += fmt::format("{}{} {}", list.empty() ? "" : ", ", exit.code, exit.brief);
    }
    return wrapped("Exit codes: " + list + ".", help_columns);
}

/// The commands that the command line names, from the program inwards.
std::vector<const CLI::App*> named_commands(const CLI::App& program) {
    std::vector<const CLI::App*> commands{&program};
    while (!commands.back()->get_subcommands().empty()) {
        commands.push_back(commands.back()->get_subcommands().front());
    }
    return commands;
}

std::string command_list(const CLI::App& command) {
    std::string list;
    for (const CommandSpec& inner : describe_program(command).commands) {
        list += (list.empty() ? "" : ", ") + inner.name;
    }
    return list;
}

bool starts_with_ignoring_case(std::string_view text, std::string_view start) {
    return text.size() >= start.size() && std::equal(start.begin(), start.end(), text.begin(),
                                                     [](unsigned char a, unsigned char b) {
                                                         return std::tolower(a) == std::tolower(b);
                                                     });
}

/// Of CLI::IsMember's "--quant: MXFP4_MOE not in {f32,mxfp4}", which of them could be meant, too;
/// empty where `text` is something else.
std::string outside_of_a_choice(const std::string& text, const std::string& name) {
    constexpr std::string_view before_choices = " not in {";
    const std::size_t at = text.rfind(before_choices);
    if (at == std::string::npos || at < name.size() + 2 || !text.ends_with('}')) {
        return "";
    }
    const std::string given = text.substr(name.size() + 2, at - name.size() - 2);
    const std::size_t first = at + before_choices.size();
    const std::vector<std::string> choices =
        CLI::detail::split(text.substr(first, text.size() - 1 - first), ',');
    std::string nearest;
    for (const std::string& choice : choices) {
        if (starts_with_ignoring_case(given, choice) && choice.size() > nearest.size()) {
            nearest = choice;
        }
    }
    return fmt::format("{} '{}' is none of {}{}", name, given, fmt::join(choices, ", "),
                       nearest.empty() ? "" : "; the nearest is " + nearest);
}

std::string what_is_wrong(const CLI::App& command, const CLI::ParseError& error) {
    const std::vector<std::string> rest = command.remaining();
    if (!rest.empty() && rest.front().starts_with("-")) {
        return fmt::format("there is no option {}", rest.front());
    }
    if (!command.get_subcommands(nullptr).empty()) {
        return rest.empty() ? "name a command: " + command_list(command)
                            : fmt::format("there is no command '{}', only {}", rest.front(),
                                          command_list(command));
    }
    if (!rest.empty()) {
        return fmt::format("'{}' is more than is expected; text of several words stands in quotes",
                           rest.front());
    }
    std::string text = error.what();
    const std::string name = text.substr(0, text.find(':'));
    if (text.ends_with(" missing")) {
        return name + " needs a value behind it";
    }
    if (std::string choice = outside_of_a_choice(text, name); !choice.empty()) {
        return choice;
    }
    if (text.find(": At Most 1 required") != std::string::npos) {
        return name + " is given more than once";
    }
    return text;
}

/// Whether nothing but the program's name was given.
bool is_bare(const CLI::App& program, const CLI::ParseError& error) {
    return error.get_exit_code() == static_cast<int>(CLI::ExitCodes::RequiredError) &&
           program.get_subcommands().empty() && program.remaining().empty();
}

std::string first_steps(const CLI::App& program) {
    constexpr const char* steps = R"(
Try, in this order:
  hexcore devices                     what memory there is, and who holds it
  hexcore plan model.gguf             what of a model goes where; loads nothing
  hexcore run model.gguf -p "Hello"   loads it as planned and answers

A plan needs no file for a built-in shape:
  hexcore plan --shape mixtral-8x7b --quant q4_K --device 16GiB --device 16GiB

hexcore --help lists all commands, hexcore COMMAND --help explains one.
)";
    return wrapped(program.get_description(), help_columns) + '\n' + steps;
}

}  // namespace

void set_up_help(CLI::App& program, const std::string& version) {
    program.formatter(std::make_shared<HelpFormat>());
    program.set_help_flag("-h,--help", "prints this help");
    program.set_version_flag("--version", version, "prints the version");
    program.option_defaults()->always_capture_default();
    program.require_subcommand(1);
    program.footer(exit_code_list() +
                   "\n\nhexcore COMMAND --help explains a command, with an example. "
                   "Options of\nllama.cpp's programs (-m, --ctx-size, -np, ...) are understood as "
                   "well.");
}

int report_parse_error(const CLI::App& program, const CLI::ParseError& error,
                       const HelpOutput& output) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
        std::ostringstream text;
        const int code = program.exit(error, text, text);
        output.print(text.str());
        return code;
    }
    if (is_bare(program, error)) {
        std::fputs(first_steps(program).c_str(), stderr);
        return static_cast<int>(ErrorCode::usage);
    }
    const auto commands = named_commands(program);
    std::string path;
    for (const CLI::App* command : commands) {
        path += command->get_name() + " ";
    }
    output.complain(fmt::format("{}; {}--help says what there is",
                                what_is_wrong(*commands.back(), error), path));
    return static_cast<int>(ErrorCode::usage);
}

}  // namespace hexcore
