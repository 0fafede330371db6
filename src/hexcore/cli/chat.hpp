#pragma once

#include "hexcore/cli/line_reader.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/session/engine.hpp"

namespace hexcore {

/// Talks with a person on the terminal, in the model's own chat template, until end of input, two
/// Ctrl-C (elsewhere than on a terminal one) while nothing is being answered, or a full context. A
/// question that the context has no room for is dropped with a message. Each request has
/// `settings`, with its text. Returns all answers' figures, and the last one's end. Fails with
/// nobody_asked() where input ends without a line, and is not a terminal.
[[nodiscard]] Result<Answer> chat(Engine& engine, Session& session, const Request& settings,
                                  LineReader& lines, Interrupt& interrupt);

/// That there is neither a prompt nor anybody to chat with.
[[nodiscard]] Error nobody_asked();

}  // namespace hexcore
