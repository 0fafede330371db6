#include "hexcore/cli/chat.hpp"

#include <vector>

#include "hexcore/chat/chat_template.hpp"
#include "hexcore/cli/end_of_answer.hpp"
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

}  // namespace

Error nobody_asked() {
    return {ErrorCode::usage,
            "there is no prompt, and standard input has ended without a line, so there is nothing "
            "to answer; give a prompt with -p TEXT or --file FILE"};
}

Result<Answer> chat(Engine& engine, Session& session, const Request& settings, LineReader& lines,
                    Interrupt& interrupt) {
    HEXCORE_TRY(chat_template, ChatTemplate::of(engine.model().model()));
    if (!chat_template.is_own()) {
        print_aside("The model has no chat template; ChatML is used.\n");
    }
    std::vector<ChatMessage> messages;
    Answer all;
    std::string line;
    bool asked = false;
    std::size_t in_cache = 0;  // bytes of the templated conversation that the cache holds
    interrupt.is_of_answers();
    while (!interrupt.should_quit() && next_question(lines, interrupt, line)) {
        asked = true;
        messages.push_back({"user", line});
        HEXCORE_TRY(prompt, chat_template.apply({.messages = messages}));
        const std::string& conversation = prompt.text;
        Request request = settings;
        request.text = conversation.substr(in_cache);
        auto answer = engine.answer(session, std::move(request), interrupt.flag());
        if (!answer && answer.error().code == ErrorCode::usage) {
            // Nothing of it was taken in, so a shorter question may follow.
            complain(told(answer.error(), in_options));
            messages.pop_back();
            continue;
        }
        print("\n");
        if (!answer) {
            return tl::unexpected(std::move(answer.error()));
        }
        if (answer->prompt_tokens == 0) {
            messages.pop_back();  // interrupted before it was taken in: it was never said
        } else {
            messages.push_back({"assistant", answer->text});
            HEXCORE_TRY(so_far, chat_template.apply({.messages = messages, .turn = Turn::user}));
            // What the template puts behind the answer goes in with the next prompt.
            in_cache = end_of_answer(so_far.text, conversation, answer->text);
        }
        all.text += answer->text + "\n";
        all.prompt_tokens += answer->prompt_tokens;
        all.generated_tokens += answer->generated_tokens;
        all.computed_tokens += answer->computed_tokens;
        all.prompt_seconds += answer->prompt_seconds;
        all.decode_seconds += answer->decode_seconds;
        all.stop = answer->stop;
        all.cache = answer->cache;
        if (answer->stop == StopReason::context_full) {
            break;
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
