#pragma once

#include "hexcore/cli/line_reader.hpp"
#include "hexcore/process/interrupt.hpp"
#include "hexcore/runtime/sequence.hpp"

namespace hexcore {

/// Talks with a person on the terminal, in the model's own chat template, until end of input, two
/// Ctrl-C (elsewhere than on a terminal one) while nothing is being answered, or a full context. A
/// question that the context has no room for is dropped with a message. Returns all answers'
/// figures, and the last one's end. Fails with nobody_asked() where input ends without a line, and
/// is not a terminal.
[[nodiscard]] Result<Answer> chat(LoadedModel& model, Sequence& sequence, LineReader& lines,
                                  Interrupt& interrupt, std::uint32_t max_tokens);

/// That there is neither a prompt nor anybody to chat with.
[[nodiscard]] Error nobody_asked();

}  // namespace hexcore
