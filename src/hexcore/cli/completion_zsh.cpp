#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "hexcore/cli/completion_script.hpp"

namespace hexcore {
namespace {

/// With a backslash before each of the characters that _arguments would take for its own.
std::string escaped(const std::string& text, std::string_view special) {
    std::string result;
    for (const char character : text) {
        if (character == '\\' || special.find(character) != std::string_view::npos) {
            result += '\\';
        }
        result += character;
    }
    return result;
}

std::string function_name(const std::string& path) {
    std::string name = "_" + path;
    std::replace(name.begin(), name.end(), ' ', '_');
    return name;
}

/// ":TEXT: ", ":NAME:(table json)" or ":FILE:_files"; nothing for a flag.
std::string zsh_value(const ArgumentSpec& argument, const std::string& program) {
    const std::string message = escaped(argument.value_name, ":");
    switch (argument.takes) {
        case ValueKind::none:
            break;
        case ValueKind::text:
            return fmt::format(":{}: ", message);
        case ValueKind::file:
            return fmt::format(":{}:_files", message);
        case ValueKind::assistant:
            return fmt::format(":{}:_{}_assistants", message, program);
        case ValueKind::expert:
            return fmt::format(":{}:_{}_experts", message, program);
        case ValueKind::choice: {
            std::string list;
            for (const std::string& choice : argument.choices) {
                list += (list.empty() ? "" : " ") + escaped(choice, " ():");
            }
            return fmt::format(":{}:({})", message, list);
        }
    }
    return "";
}

/// The specifications of an option, one for each of its names.
std::string option_lines(const ArgumentSpec& option, const std::string& program) {
    std::string others;
    for (const std::string& name : option.names) {
        others += (others.empty() ? "" : " ") + name;
    }
    std::string text;
    for (const std::string& name : option.names) {
        const bool is_long = name.starts_with("--");
        const std::string sign = option.takes == ValueKind::none ? "" : is_long ? "=" : "+";
        const std::string excluded = option.repeatable ? "*" : fmt::format("({})", others);
        text += "        " +
                shell_quoted(fmt::format("{}{}{}[{}]{}", excluded, name, sign,
                                         escaped(option.description, "[]"),
                                         zsh_value(option, program))) +
                " \\\n";
    }
    return text;
}

std::string positional_lines(const CommandSpec& command, const std::string& program) {
    std::string text;
    std::size_t place = 1;
    for (const ArgumentSpec& positional : command.positionals) {
        const std::string where = positional.repeatable ? "*" : fmt::format("{}", place);
        text += "        " + shell_quoted(where + zsh_value(positional, program)) + " \\\n";
        ++place;
    }
    return text;
}

std::string leaf_function(const CommandSpec& command, const std::string& program) {
    std::string lines;
    for (const ArgumentSpec& option : command.options) {
        lines += option_lines(option, program);
    }
    lines += positional_lines(command, program);
    lines.erase(lines.find_last_not_of(" \\\n") + 1);
    return fmt::format("{}() {{\n    _arguments -S \\\n{}\n}}\n\n", function_name(command.path),
                       lines);
}

std::string branching_function(const CommandSpec& command, const std::string& program) {
    std::string options;
    for (const ArgumentSpec& option : command.options) {
        options += option_lines(option, program);
    }
    std::string list;
    std::string branches;
    for (const CommandSpec& inner : command.commands) {
        list += "                " +
                shell_quoted(inner.name + ":" + escaped(inner.description, "")) + "\n";
        branches += fmt::format("                {}) {} ;;\n", shell_quoted(inner.name),
                                function_name(inner.path));
    }
    return fmt::format(
        "{}() {{\n"
        "    local curcontext=$curcontext state line\n"
        "    local -a commands\n"
        "    typeset -A opt_args\n"
        "    _arguments -C -S \\\n{}"
        "        '1:command:->command' \\\n"
        "        '*::argument:->argument' && return 0\n"
        "    case $state in\n"
        "        command)\n"
        "            commands=(\n{}            )\n"
        "            _describe -t commands command commands\n"
        "            ;;\n"
        "        argument)\n"
        "            case $line[1] in\n{}            esac\n"
        "            ;;\n"
        "    esac\n}}\n\n",
        function_name(command.path), options, list, branches);
}

// An assistant's file is read as far as names go: the shell has no reader of TOML.
constexpr const char* zsh_assistants = R"sh(_PROGRAM_assistants() {
    local -aU names
    names=(SHIPPED ${XDG_DATA_HOME:-$HOME/.local/share}/FOLDER/*/assistant.toml(N:h:t))
    _alternative 'assistants:assistant:compadd -a names' 'files:file:_files'
}

_PROGRAM_experts() {
    local given='DEFAULT' line in_expert= i
    local header='^[[:space:]]*\[' expert='^[[:space:]]*\[\[[[:space:]]*expert[[:space:]]*\]\]'
    local name="^[[:space:]]*name[[:space:]]*=[[:space:]]*[\"']([^\"']*)"
    local -a experts match
    for ((i = 2; i < CURRENT; ++i)); do
        case $words[i] in
            --assistant) given=$words[i+1] ;;
            --assistant=*) given=${words[i]#*=} ;;
        esac
    done
    given=${(Q)given}
FIND_FILE    while IFS= read -r line || [[ -n $line ]]; do
        if [[ $line =~ $header ]]; then
            in_expert=
            [[ ! $line =~ $expert ]] || in_expert=yes
        elif [[ -n $in_expert && $line =~ $name ]]; then
            experts+=("$match[1]")
        fi
    done < "$file"
    compadd -a experts
}

)sh";

}  // namespace

std::string completion_zsh(const CommandSpec& program, const CompletedAssistants& assistants) {
    std::string text =
        fmt::format("#compdef {0}\n# Completion of {0} for zsh, written by: {0} completion zsh\n\n",
                    program.name);
    for (const CommandSpec* command : all_commands(program)) {
        text += command->commands.empty() ? leaf_function(*command, program.name)
                                          : branching_function(*command, program.name);
    }
    text += CLI::detail::find_and_replace(
        with_assistants(zsh_assistants, assistants, "            {}) compadd {}; return ;;\n"),
        "PROGRAM", program.name);
    // Loaded from a folder of fpath, the file is the body of the function; sourced, it is not.
    return text + fmt::format(
                      "if [[ $zsh_eval_context[-1] == loadautofunc ]]; then\n"
                      "    _{0} \"$@\"\nelse\n    compdef _{0} {0}\nfi\n",
                      program.name);
}

}  // namespace hexcore
