#pragma once

#include <string_view>

#include "hexcore/cli/chat_partner.hpp"
#include "hexcore/cli/question_reader.hpp"

namespace hexcore {

/// Talks with a person on the terminal until end of input, `/bye`, or two Ctrl-C (elsewhere than on
/// a terminal one) while nothing is being answered. Lines that begin with `/` are commands, which
/// `/help` lists. A question that the context has no room for is dropped with a message, and the
/// conversation goes on. Returns all answers' figures, and the last one's end. Fails with
/// nobody_asked() where input ends without a line, and is not a terminal.
[[nodiscard]] Result<Answer> chat(ChatPartner& partner, QuestionReader& questions,
                                  Interrupt& interrupt);

/// That there is neither a prompt nor anybody to chat with.
[[nodiscard]] Error nobody_asked(std::string_view what_to_give);

}  // namespace hexcore
