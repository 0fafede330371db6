#include "hexcore/cli/chat_commands.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "hexcore/base/printable.hpp"
#include "hexcore/cli/in_options.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

constexpr const char* help =
    "/clear          begins a new conversation\n"
    "/system TEXT    begins a new one, and tells the model that before all else\n"
    "/save FILE      keeps the conversation in a file\n"
    "/load FILE      goes on with the one in a file\n"
    "/stats          what the conversation and the cache have\n"
    "/bye            ends the chat, as Ctrl-D does\n";
constexpr const char* editing_help =
    "\n"
    "Several lines   a paste is one question; Alt-Enter, or a backslash before Enter,\n"
    "                begins another line; \"\"\" begins and ends a block of lines\n"
    "Up, Down        earlier questions; Ctrl-R searches them\n"
    "Ctrl-C          ends an answer; at the prompt, twice, the chat\n"
    "A blank         before a question: it is not kept, and never a command\n";

constexpr std::array<std::string_view, 10> names{"/help", "/?",     "/clear", "/system", "/save",
                                                 "/load", "/stats", "/bye",   "/exit",   "/quit"};

std::string_view name_in(std::string_view question) {
    return question.substr(0, question.find_first_of(" \n"));
}

bool succeeded(const Result<void>& result) {
    if (!result) {
        complain(told(result.error(), in_options));
    }
    return result.has_value();
}

/// To a person, who would wonder; scripts look for failures.
void confirm(std::string_view what) {
    if (stdin_is_terminal()) {
        print_paragraph_aside(what);
    }
}

void show_stats(const ChatPartner& partner, const Answer& so_far) {
    const CacheStats stats = partner.stats();
    print_paragraph_aside(fmt::format(
        "{} prompt tokens and {} generated so far; the cache has {} of this conversation, {} cells "
        "of {} in all ({} of {})",
        so_far.prompt_tokens, so_far.generated_tokens, stats.session_tokens, stats.cells_used,
        stats.cells_total, to_string(stats.used()), to_string(stats.total())));
}

}  // namespace

bool is_command(const std::string& question) {
    if (!question.starts_with('/')) {
        return false;
    }
    return question.find('\n') == std::string::npos ||
           std::ranges::find(names, name_in(question)) != names.end();
}

Next obey(ChatPartner& partner, const std::string& command, const Answer& so_far, bool edits) {
    const std::string name(name_in(command));
    const std::string value = command.size() > name.size() ? command.substr(name.size() + 1) : "";
    if (name == "/bye" || name == "/exit" || name == "/quit") {
        return Next::end;
    }
    if (name == "/help" || name == "/?") {
        print_aside(help);
        print_aside(partner.own_help());
        if (edits) {
            print_aside(editing_help);
        }
    } else if (name == "/clear") {
        partner.begin_anew(partner.system());
        confirm("A new conversation begins.");
    } else if (name == "/system" && value.empty()) {
        complain("/system wants a text; /clear begins a new conversation");
    } else if (name == "/system") {
        partner.begin_anew(value);
        confirm("A new conversation begins, with that as what the model is told first.");
    } else if ((name == "/save" || name == "/load") && value.empty()) {
        complain(fmt::format("{} wants the name of a file", name));
    } else if (name == "/save") {
        if (succeeded(partner.save_to(value))) {
            confirm(fmt::format("The conversation is kept in {}.", printable(value)));
        }
    } else if (name == "/load") {
        if (succeeded(partner.load_from(value))) {
            confirm(fmt::format("The conversation of {} goes on.", printable(value)));
        }
    } else if (name == "/stats") {
        show_stats(partner, so_far);
    } else if (!partner.obeys(name, value)) {
        complain(fmt::format("there is no command {}; /help lists them", printable(name)));
    }
    return Next::question;
}

}  // namespace hexcore
