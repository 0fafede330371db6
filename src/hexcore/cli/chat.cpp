#include "hexcore/cli/chat.hpp"

#include <string>

#include "hexcore/cli/chat_commands.hpp"
#include "hexcore/cli/in_options.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {
namespace {

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

Error nobody_asked(std::string_view what_to_give) {
    return {ErrorCode::usage,
            fmt::format("there is no prompt, and standard input has ended without a line, so there "
                        "is nothing to answer; give {}",
                        what_to_give)};
}

Result<Answer> chat(ChatPartner& partner, QuestionReader& questions, Interrupt& interrupt) {
    Answer all;
    std::string question;
    bool asked = false;
    interrupt.is_of_answers();
    while (!interrupt.should_quit() && questions.next(question)) {
        asked = true;
        if (is_command(question)) {
            if (obey(partner, question, all, questions.edits()) == Next::end) {
                break;
            }
            continue;
        }
        questions.keep_typed();
        auto answer = partner.ask(question, interrupt);
        if (!answer && partner.goes_on_after(answer.error())) {
            complain(told(answer.error(), in_options));
            if (questions.edits()) {
                print_paragraph_aside("Up brings the question back.");
            }
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
        }
        if (answer->stop == StopReason::interrupted && !interrupt.should_quit()) {
            interrupt.clear();
        }
    }
    if (!asked && !interrupt.happened() && !stdin_is_terminal()) {
        return tl::unexpected(nobody_asked(partner.what_to_give()));
    }
    if (interrupt.happened()) {
        all.stop = StopReason::interrupted;
    }
    return all;
}

}  // namespace hexcore
