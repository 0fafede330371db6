#include "hexcore/cli/chat.hpp"

#include <algorithm>
#include <string>

#include "hexcore/base/printable.hpp"
#include "hexcore/cli/in_options.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

/// The next question; false where there is none. On a terminal one Ctrl-C is only told how to
/// leave.
bool next_question(LineReader& lines, Interrupt& interrupt, std::string& line) {
    for (bool told = false;; told = true) {
        if (stdout_is_terminal()) {
            print("> ");
        }
        if (lines.next(line)) {
            return true;
        }
        if (told || !interrupt.happened() || interrupt.should_quit() || !stdin_is_terminal()) {
            return false;
        }
        interrupt.clear();
        print_aside("\nAnother Ctrl-C, or Ctrl-D, ends the chat.\n");
    }
}

enum class Next { question, end };

constexpr const char* help =
    "/clear          begins a new conversation\n"
    "/system TEXT    begins a new one, and tells the model that before all else\n"
    "/save FILE      keeps the conversation in a file\n"
    "/load FILE      goes on with the one in a file\n"
    "/stats          what the conversation and the cache have\n"
    "/bye            ends the chat, as Ctrl-D does\n";

void complain_of(const Result<void>& result) {
    if (!result) {
        complain(told(result.error(), in_options));
    }
}

/// Does what a line that begins with `/` says.
Next obey(Talk& talk, const std::string& line, const Answer& so_far) {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string command = line.substr(0, space);
    const std::string value = space < line.size() ? line.substr(space + 1) : "";
    if (command == "/bye" || command == "/exit" || command == "/quit") {
        return Next::end;
    }
    if (command == "/help" || command == "/?") {
        print_aside(help);
    } else if (command == "/clear") {
        talk.begin_anew(talk.system());
    } else if (command == "/system") {
        talk.begin_anew(value);
    } else if ((command == "/save" || command == "/load") && value.empty()) {
        complain(fmt::format("{} wants the name of a file", command));
    } else if (command == "/save") {
        complain_of(talk.save_to(value));
    } else if (command == "/load") {
        complain_of(talk.load_from(value));
    } else if (command == "/stats") {
        const CacheStats stats = talk.stats();
        print_line_aside(fmt::format(
            "{} prompt tokens and {} generated so far; the cache has {} of this conversation, "
            "{} cells of {} in all ({} of {})",
            so_far.prompt_tokens, so_far.generated_tokens, stats.session_tokens, stats.cells_used,
            stats.cells_total, to_string(stats.used()), to_string(stats.total())));
    } else {
        complain(fmt::format("there is no command {}; /help lists them", printable(command)));
    }
    return Next::question;
}

void add(Answer& all, const Answer& answer) {
    all.text += answer.text + "\n";
    all.prompt_tokens += answer.prompt_tokens;
    all.generated_tokens += answer.generated_tokens;
    all.computed_tokens += answer.computed_tokens;
    all.prompt_seconds += answer.prompt_seconds;
    all.decode_seconds += answer.decode_seconds;
    all.stop = answer.stop;
    all.cache = answer.cache;
}

}  // namespace

Error nobody_asked() {
    return {ErrorCode::usage,
            "there is no prompt, and standard input has ended without a line, so there is nothing "
            "to answer; give a prompt with -p TEXT or --file FILE"};
}

Result<Answer> chat(Talk& talk, LineReader& lines, Interrupt& interrupt) {
    Answer all;
    std::string line;
    bool asked = false;
    interrupt.is_of_answers();
    while (!interrupt.should_quit() && next_question(lines, interrupt, line)) {
        asked = true;
        if (line[0] == '/') {
            if (obey(talk, line, all) == Next::end) {
                break;
            }
            continue;
        }
        auto answer = talk.ask(line, interrupt);
        if (!answer && answer.error().code == ErrorCode::usage) {
            // Nothing of it was taken in, so a shorter question may follow.
            complain(told(answer.error(), in_options));
            continue;
        }
        print("\n");
        if (!answer) {
            return tl::unexpected(std::move(answer.error()));
        }
        add(all, *answer);
        if (answer->stop == StopReason::context_full) {
            complain(
                "The context is full. /clear begins anew; --on-full slide forgets the oldest part "
                "instead.");
            if (!stdin_is_terminal()) {
                break;
            }
        }
        if (answer->stop == StopReason::interrupted && !interrupt.should_quit()) {
            interrupt.clear();
        }
    }
    if (!asked && !interrupt.happened() && !stdin_is_terminal()) {
        return tl::unexpected(nobody_asked());
    }
    if (interrupt.happened()) {
        all.stop = StopReason::interrupted;
    }
    return all;
}

}  // namespace hexcore
