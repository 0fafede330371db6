#pragma once

#include "hexcore/serve/asked.hpp"
#include "hexcore/serve/json_fields.hpp"

namespace hexcore {

/// Reads what both ways of asking have, but for the chances of tokens.
[[nodiscard]] AskedAnswer read_answer_fields(JsonFields& fields);
/// Reads what assistants have besides.
[[nodiscard]] AskedExperts read_expert_fields(JsonFields& fields, const SamplingOptions& sampling);

}  // namespace hexcore
