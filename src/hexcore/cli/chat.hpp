#pragma once

#include <string>

#include "hexcore/cli/terminal.hpp"
#include "hexcore/runtime/generate.hpp"

namespace hexcore {

/// Talks with a person on the terminal, in the model's own chat template, until end of input, a
/// second Ctrl-C or a full context. Returns what the last answer's and all answers' figures are.
[[nodiscard]] Result<Answer> chat(ModelSession& session, Generator& generator, Interrupt& interrupt,
                                  std::uint32_t max_tokens);

}  // namespace hexcore
