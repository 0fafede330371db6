#include <fmt/format.h>

#include "hexcore/cli/completion_script.hpp"

namespace hexcore {
namespace {

/// Between single quotes, fish still reads a backslash before a backslash or a quote.
std::string fish_quoted(const std::string& text) {
    std::string quoted = "'";
    for (const char character : text) {
        if (character == '\\' || character == '\'') {
            quoted += '\\';
        }
        quoted += character;
    }
    return quoted + "'";
}

std::string fish_value(const ArgumentSpec& argument) {
    switch (argument.takes) {
        case ValueKind::none:
            break;
        case ValueKind::text:
            return " -x";
        case ValueKind::file:
            return " -r -F";
        case ValueKind::assistant:
            return " -r -F -a '(__PROGRAM_assistants)'";
        case ValueKind::expert:
            return " -x -a '(__PROGRAM_experts)'";
        case ValueKind::choice: {
            std::string list;
            for (const std::string& choice : argument.choices) {
                list += (list.empty() ? "" : " ") + choice;
            }
            return " -x -a " + fish_quoted(list);
        }
    }
    return "";
}

std::string option_line(const CommandSpec& command, const ArgumentSpec& option) {
    std::string names;
    for (const std::string& name : option.names) {
        names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
    }
    return fmt::format("complete -c PROGRAM -n {}{}{} -d {}\n",
                       fish_quoted(fmt::format("__PROGRAM_at {}", fish_quoted(command.path))),
                       names, fish_value(option), fish_quoted(option.description));
}

std::string place_line(const CommandSpec& command, const ArgumentSpec& argument,
                       const std::string& place) {
    if (argument.takes == ValueKind::none || argument.takes == ValueKind::text) {
        return "";
    }
    const bool is_file = argument.takes == ValueKind::file;
    return fmt::format(
        "complete -c PROGRAM -n {}{}\n",
        fish_quoted(fmt::format("__PROGRAM_at {} {}", fish_quoted(command.path), place)),
        is_file ? " -F" : fish_value(argument));
}

std::string command_lines(const CommandSpec& command) {
    std::string text;
    for (const CommandSpec& inner : command.commands) {
        text +=
            fmt::format("complete -c PROGRAM -n {} -x -a {} -d {}\n",
                        fish_quoted(fmt::format("__PROGRAM_at {} 1", fish_quoted(command.path))),
                        fish_quoted(inner.name), fish_quoted(inner.description));
    }
    for (const ArgumentSpec& option : command.options) {
        text += option_line(command, option);
    }
    std::size_t place = 1;
    for (const ArgumentSpec& positional : command.positionals) {
        text += place_line(command, positional,
                           positional.repeatable ? "any" : fmt::format("{}", place));
        ++place;
    }
    return text;
}

// An assistant's file is read as far as names go: the shell has no reader of TOML.
constexpr const char* fish_assistants = R"sh(# The folder of the user's assistants.
function __PROGRAM_data
    if test -n "$XDG_DATA_HOME"
        echo $XDG_DATA_HOME/FOLDER
    else
        echo $HOME/.local/share/FOLDER
    end
end

function __PROGRAM_assistants
    printf '%s\n' SHIPPED
    for file in (__PROGRAM_data)/*/assistant.toml
        string replace -r '.*/([^/]+)/assistant\.toml$' '$1' $file
    end
end

function __PROGRAM_experts
    set -l given 'DEFAULT'
    set -l before
    for word in (commandline -opc)
        if test "$before" = --assistant
            set given $word
        else if string match -q -- '--assistant=*' $word
            set given (string replace -- '--assistant=' '' $word)
        end
        set before $word
    end
    set -l file (__PROGRAM_data)/$given/assistant.toml
    if string match -q -r '/|\.toml$|^\.' -- $given
        set file (string replace -r '^~/' "$HOME/" -- $given)
        if test -d "$file"
            set file $file/assistant.toml
        end
    else if not test -e "$file"
        switch $given
EXPERTS            case '*'
                set file $given/assistant.toml
        end
    end
    test -f "$file"; or return
    set -l in_expert no
    while read -l line
        if string match -q -r '^\s*\[\[\s*expert\s*\]\]' -- $line
            set in_expert yes
        else if string match -q -r '^\s*\[' -- $line
            set in_expert no
        else if test $in_expert = yes
            string replace -f -r '^\s*name\s*=\s*["\']([^"\']*).*' '$1' -- $line
        end
    end <$file
end

)sh";

constexpr const char* functions =
    R"(# Whether the words so far lead to command $argv[1] and, where given, to its place $argv[2].
function __PROGRAM_at
    set -l words (commandline -opc)
    set -l path PROGRAM
    set -l place 1
    set -l skip no
    for word in $words[2..]
        if test $skip = yes
            set skip no
        else if contains -- "$path $word" $__PROGRAM_commands
            set path "$path $word"
            set place 1
        else if contains -- "$path $word" $__PROGRAM_valued
            set skip yes
        else if not string match -q -- '-*' $word
            set place (math $place + 1)
        end
    end
    test "$path" = $argv[1]; or return 1
    test (count $argv) -eq 1 -o "$argv[2]" = any -o "$argv[2]" = $place
end

complete -c PROGRAM -f
)";

}  // namespace

std::string completion_fish(const CommandSpec& program, const CompletedAssistants& assistants) {
    std::string commands;
    std::string valued;
    std::string lines;
    for (const CommandSpec* command : all_commands(program)) {
        if (command != &program) {
            commands += " " + fish_quoted(command->path);
        }
        for (const ArgumentSpec& option : command->options) {
            for (const std::string& name : option.names) {
                if (option.takes != ValueKind::none) {
                    valued += " \\\n    " + fish_quoted(command->path + " " + name);
                }
            }
        }
        lines += command_lines(*command);
    }
    const std::string text =
        "# Completion of PROGRAM for fish, written by: PROGRAM completion fish\n\n"
        "set -g __PROGRAM_commands" +
        commands + "\n# Options that a value follows.\nset -g __PROGRAM_valued" + valued + "\n\n" +
        functions +
        with_assistants(fish_assistants, assistants,
                        "            case {}\n                printf '%s\\n' {}\n                "
                        "return\n") +
        lines;
    return CLI::detail::find_and_replace(text, "PROGRAM", program.name);
}

}  // namespace hexcore
