#include "hexcore/cli/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "hexcore/cli/exit_codes.hpp"

namespace hexcore {
namespace {

constexpr std::size_t text_columns = 72;

/// Text as it is: roff would make typographic signs of some ASCII characters, which nobody could
/// paste into a shell, and a request of a line that begins with a dot.
std::string roff(const std::string& text) {
    constexpr std::array<std::pair<char, const char*>, 7> escapes{{{'\\', "\\e"},
                                                                   {'-', "\\-"},
                                                                   {'\'', "\\(aq"},
                                                                   {'`', "\\(ga"},
                                                                   {'^', "\\(ha"},
                                                                   {'~', "\\(ti"},
                                                                   {'"', "\\(dq"}}};
    std::string result;
    for (const char character : text) {
        if (character == '.' && (result.empty() || result.back() == '\n')) {
            result += "\\&";
        }
        const auto* const escape =
            std::find_if(escapes.begin(), escapes.end(),
                         [character](const auto& entry) { return entry.first == character; });
        if (escape != escapes.end()) {
            result += escape->second;
        } else {
            result += character;
        }
    }
    return result;
}

/// In lines of the usual length, since some tools complain about longer ones.
std::string roff_lines(const std::string& text) { return roff(wrapped(text, text_columns)) + "\n"; }

std::string sentence(std::string text) {
    if (!text.empty()) {
        text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
        text += text.back() == '.' ? "" : ".";
    }
    return text;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string section(const std::string& title) { return ".SH " + title + "\n"; }

std::string entry(const std::string& tag, const std::string& text) {
    return ".TP\n" + tag + "\n" + roff_lines(text);
}

std::string option_entry(const ArgumentSpec& option) {
    std::string tag;
    for (const std::string& name : option.names) {
        tag += (tag.empty() ? "" : ", ") + bold(name);
    }
    if (!option.value_name.empty()) {
        tag += (tag.empty() ? "" : " ") + italic(option.value_name);
    }
    return entry(tag, option.description_with_default());
}

std::string synopsis_line(const CommandSpec& command) {
    const std::string line = synopsis(command);
    return bold(command.path) + roff(line.substr(command.path.size())) + "\n";
}

std::string command_section(const CommandSpec& command) {
    std::string text =
        ".SS " + roff(command.path) + "\n" + roff_lines(sentence(command.description));
    for (const ArgumentSpec& positional : command.positionals) {
        text += option_entry(positional);
    }
    for (const ArgumentSpec& option : command.options) {
        const bool is_help = option.names.back() == "--help";
        text += is_help ? "" : option_entry(option);
    }
    return text;
}

std::string devices_section() {
    return section("DEVICES AND SIZES") +
           roff_lines(
               "Devices are used in the order in which they are given. Without --device, all GPUs "
               "are used with what they have free, or one host device with what the machine has "
               "free where there is no GPU.") +
           entry(bold("host=") + italic("SIZE"), "Main memory, capped at the size.") +
           entry(bold("cuda:") + italic("N") + "[" + bold("=") + italic("SIZE") + "]",
                 "The GPU of that number, with a budget or with all that it has free.") +
           entry(bold("rpc:") + italic("HOST") + bold(":") + italic("PORT") + "[" + bold("=") +
                     italic("SIZE") + "]",
                 "A server of ggml's RPC protocol.") +
           entry(italic("SIZE"),
                 "The next GPU with that budget, or a capped host device where there is no GPU.") +
           ".PP\n" +
           roff_lines(
               "A size is a number of bytes, or a number with a unit: 16GiB, 16GB, 512MiB, "
               "1.5GiB.");
}

std::string exit_section() {
    std::string text = section("EXIT STATUS");
    for (const ExitCodeMeaning& exit : exit_codes) {
        text += entry(bold(fmt::format("{}", exit.code)), exit.meaning);
    }
    return text;
}

std::string environment_section() {
    return section("ENVIRONMENT") +
           entry(bold("NO_COLOR"), "Set to anything but nothing: no colours, on terminals too.") +
           entry(bold("LC_ALL") + ", " + bold("LC_CTYPE") + ", " + bold("LANG"),
                 "Where the locale's encoding is not UTF-8, tables and bars are drawn in ASCII.") +
           entry(bold("COLUMNS"),
                 "How wide tables may be where they do not go to a terminal (80).") +
           entry(bold("HEXCORE_RPC_TIMEOUT"),
                 "After how many seconds without an answer an RPC server counts as lost (300).");
}

std::string examples_section(const CommandSpec& program) {
    std::string text;
    for (const CommandSpec* command : all_commands(program)) {
        for (const std::string& line : examples(*command)) {
            text += text.empty() ? "" : ".PP\n";
            text += ".RS\n.nf\n" + roff(line) + "\n.fi\n.RE\n";
        }
    }
    return section("EXAMPLES") + text;
}

}  // namespace

std::string man_page(const CommandSpec& program, const std::string& version) {
    std::string description = program.description;
    description.front() =
        static_cast<char>(std::tolower(static_cast<unsigned char>(description.front())));
    if (description.back() == '.') {
        description.pop_back();
    }
    std::string title = program.name;
    for (char& letter : title) {
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
    }
    std::string text = fmt::format(".TH {} 1 \"\" \"{}\" \"User Commands\"\n", title, version);
    text += section("NAME") + roff_lines(program.name + " - " + description);
    text += section("SYNOPSIS");
    for (const CommandSpec* command : all_commands(program)) {
        text += (command == &program ? "" : ".br\n") + synopsis_line(*command);
    }
    text += section("DESCRIPTION") + roff_lines(sentence(program.description)) + ".PP\n" +
            roff_lines(
                "Results go to standard output, progress and messages to standard error. With "
                "--format json a command prints exactly one JSON document.") +
            section("OPTIONS");
    for (const ArgumentSpec& option : program.options) {
        text += option_entry(option);
    }
    text += section("COMMANDS") +
            roff_lines(
                "Each command explains itself with --help, and has an example there. Options of "
                "llama.cpp's programs are understood where there is a counterpart (-m, "
                "--ctx-size, -ub, -np); others, such as -ngl, are answered with what replaces "
                "them.");
    for (const CommandSpec* command : all_commands(program)) {
        text += command == &program ? "" : command_section(*command);
    }
    return text + devices_section() + exit_section() + environment_section() +
           examples_section(program);
}

}  // namespace hexcore
