#pragma once

#include <string>

#include "hexcore/cli/terminal.hpp"
#include "hexcore/runtime/generate.hpp"

namespace hexcore {

/// Talks with a person on the terminal, in the model's own chat template, until end of input, a
/// Ctrl-C while nothing is being answered, or a full context. A question that the context has no
/// room for is dropped with a message. Returns all answers' figures, and the last one's end.
[[nodiscard]] Result<Answer> chat(ModelSession& session, Generator& generator, Interrupt& interrupt,
                                  std::uint32_t max_tokens);

}  // namespace hexcore
