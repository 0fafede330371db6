#include <fmt/format.h>

#include "hexcore/cli/completion_script.hpp"

namespace hexcore {
namespace {

std::string quoted_list(const std::vector<std::string>& words) {
    std::string list;
    for (const std::string& word : words) {
        list += (list.empty() ? "" : " ") + shell_quoted(word);
    }
    return list;
}

/// One branch of the case statement that says what stands behind an option or at a place.
std::string value_branch(const std::string& patterns, const ArgumentSpec& argument) {
    switch (argument.takes) {
        case ValueKind::none:
            break;
        case ValueKind::text:
            return fmt::format("        {}) takes=text ;;\n", patterns);
        case ValueKind::file:
            return fmt::format("        {}) takes=file ;;\n", patterns);
        case ValueKind::assistant:
            return fmt::format("        {}) takes=assistant ;;\n", patterns);
        case ValueKind::expert:
            return fmt::format("        {}) takes=expert ;;\n", patterns);
        case ValueKind::choice:
            return fmt::format("        {}) takes=choice choices=({}) ;;\n", patterns,
                               quoted_list(argument.choices));
    }
    return "";
}

std::string value_branches(const CommandSpec& command) {
    std::string text;
    for (const ArgumentSpec& option : command.options) {
        std::string patterns;
        for (const std::string& name : option.names) {
            patterns += (patterns.empty() ? "" : " | ") + shell_quoted(command.path + " " + name);
        }
        text += value_branch(patterns, option);
    }
    std::size_t place = 1;
    for (const ArgumentSpec& positional : command.positionals) {
        const std::string pattern = positional.repeatable
                                        ? shell_quoted(command.path + " ") + "[0-9]*"
                                        : shell_quoted(fmt::format("{} {}", command.path, place));
        text += value_branch(pattern, positional);
        ++place;
    }
    return text;
}

std::string word_branch(const CommandSpec& command) {
    std::vector<std::string> commands;
    for (const CommandSpec& inner : command.commands) {
        commands.push_back(inner.name);
    }
    std::vector<std::string> options;
    for (const ArgumentSpec& option : command.options) {
        options.insert(options.end(), option.names.begin(), option.names.end());
    }
    return fmt::format("        {}) commands=({}) options=({}) ;;\n", shell_quoted(command.path),
                       quoted_list(commands), quoted_list(options));
}

// Bash cuts words at = and : (COMP_WORDBREAKS), so `--device host=1GiB` arrives as four of them;
// the first loop puts together what no space parts. What readline replaces is only the last piece,
// which is $2.
constexpr const char* body = R"sh(_PROGRAM() {
    local path=PROGRAM place=1 takes=none only_places= assistant='DEFAULT' word i
    local -a choices=() commands=() options=() words=()
    local line=${COMP_LINE:0:COMP_POINT} cur=$2
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if ((${#words[@]} == 0)) || [[ $line == [[:space:]]* ]]; then
            words+=("$word")
        else
            words[${#words[@]}-1]+=$word
        fi
        line=${line#"${line%%[![:space:]]*}"}
        line=${line#"$word"}
    done
    local last=$((${#words[@]} - 1))

    _PROGRAM_words "$path"
    for ((i = 1; i < last; ++i)); do
        word=${words[i]}
        if [[ -n $only_places ]]; then
            ((++place))
        elif [[ $word == -- ]]; then
            only_places=yes
        elif [[ $word == -?* ]]; then
            _PROGRAM_value "$path" "${word%%=*}"
            if [[ $word == --*=* ]]; then
                [[ $takes != assistant ]] || assistant=${word#*=}
            elif [[ $takes != none ]]; then
                ((++i))
                [[ $takes != assistant ]] || assistant=${words[i]}
            fi
        elif [[ " ${commands[*]} " == *" $word "* ]]; then
            path+=" $word" place=1
            _PROGRAM_words "$path"
        else
            ((++place))
        fi
    done

    COMPREPLY=()
    word=${words[last]}
    local prefix=
    if ((i > last)); then
        _PROGRAM_value "$path" "${words[last-1]}"
    elif [[ -z $only_places && $word == --*=* ]]; then
        _PROGRAM_value "$path" "${word%%=*}"
        if [[ $cur == --*=* ]]; then
            prefix=${cur%%=*}= cur=${cur#*=}
        fi
    elif [[ -z $only_places && $word == -* ]]; then
        takes=choice choices=("${options[@]}")
    elif ((${#commands[@]})); then
        takes=choice choices=("${commands[@]}")
    else
        _PROGRAM_value "$path" "$place"
        if [[ $takes == none && -z $only_places ]]; then
            takes=choice choices=("${options[@]}")
        fi
    fi
    case $takes in
        choice) mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "${choices[*]}" -- "$cur") ;;
        assistant)
            _PROGRAM_offer "$prefix" < <(_PROGRAM_assistants)
            compopt -o default ;;
        expert) _PROGRAM_offer "$prefix" < <(_PROGRAM_experts "$assistant") ;;
        file) compopt -o default ;;
    esac
}
complete -F _PROGRAM PROGRAM
)sh";

// An assistant's file is read as far as names go: the shell has no reader of TOML.
constexpr const char* assistant_functions =
    R"sh(# Offers those of the lines read that begin with what is there, behind $1.
# They come from files, and so are never expanded.
_PROGRAM_offer() {
    local name
    while IFS= read -r name; do
        [[ $name != "$cur"* ]] || COMPREPLY+=("$1$(printf '%q' "$name")")
    done
}

# The names of assistants.
_PROGRAM_assistants() {
    local file
    printf '%s\n' SHIPPED
    for file in "${XDG_DATA_HOME:-$HOME/.local/share}"/FOLDER/*/assistant.toml; do
        [[ -e $file ]] || continue
        file=${file%/*}
        printf '%s\n' "${file##*/}"
    done
}

# The names of the experts of assistant $1.
_PROGRAM_experts() {
    local given=${1//\\/} line in_expert=
    local header='^[[:space:]]*\[' expert='^[[:space:]]*\[\[[[:space:]]*expert[[:space:]]*\]\]'
    local name="^[[:space:]]*name[[:space:]]*=[[:space:]]*[\"']([^\"']*)"
FIND_FILE    while IFS= read -r line || [[ -n $line ]]; do
        if [[ $line =~ $header ]]; then
            in_expert=
            [[ ! $line =~ $expert ]] || in_expert=yes
        elif [[ -n $in_expert && $line =~ $name ]]; then
            printf '%s\n' "${BASH_REMATCH[1]}"
        fi
    done < "$file"
}

)sh";

// For both shells: the file of assistant `$given`, or its experts where it comes with the program.
constexpr const char* find_file =
    R"sh(    local file="${XDG_DATA_HOME:-$HOME/.local/share}/FOLDER/$given/assistant.toml"
    if [[ $given == */* || $given == *.toml || $given == .* ]]; then
        file=${given/#\~\//$HOME/}
        [[ ! -d $file ]] || file+=/assistant.toml
    elif [[ ! -e $file ]]; then
        case $given in
EXPERTS            *) file=$given/assistant.toml ;;
        esac
    fi
    [[ -f $file ]] || return
)sh";

}  // namespace

std::string with_assistants(std::string text, const CompletedAssistants& assistants,
                            std::string_view line_of_experts) {
    std::string experts;
    std::vector<std::string> names;
    for (const auto& shipped : assistants.shipped) {
        names.push_back(shipped.name);
        experts += fmt::format(fmt::runtime(line_of_experts), shell_quoted(shipped.name),
                               quoted_list(shipped.experts));
    }
    const std::pair<const char*, std::string> marks[] = {{"FIND_FILE", find_file},
                                                         {"SHIPPED", quoted_list(names)},
                                                         {"EXPERTS", experts},
                                                         {"FOLDER", assistants.folder},
                                                         {"DEFAULT", assistants.when_none}};
    for (const auto& [mark, words] : marks) {
        text = CLI::detail::find_and_replace(std::move(text), mark, words);
    }
    return text;
}

std::string shell_quoted(const std::string& text) {
    return "'" + CLI::detail::find_and_replace(text, "'", "'\\''") + "'";
}

std::string completion_bash(const CommandSpec& program, const CompletedAssistants& assistants) {
    std::string values;
    std::string words;
    for (const CommandSpec* command : all_commands(program)) {
        values += value_branches(*command);
        words += word_branch(*command);
    }
    const std::string text =
        "# Completion of PROGRAM for bash, written by: PROGRAM completion bash\n\n"
        "# What option or place $2 of command $1 takes.\n"
        "_PROGRAM_value() {\n    choices=()\n    case \"$1 $2\" in\n" +
        values +
        "        *) takes=none ;;\n    esac\n}\n\n"
        "# The commands in command $1, and its options.\n"
        "_PROGRAM_words() {\n    commands=() options=()\n    case $1 in\n" +
        words + "    esac\n}\n\n" +
        with_assistants(std::string(assistant_functions) + body, assistants,
                        "            {}) printf '%s\\n' {}; return ;;\n");
    return CLI::detail::find_and_replace(text, "PROGRAM", program.name);
}

}  // namespace hexcore
