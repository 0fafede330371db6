#pragma once

#include <memory>

#include "hexcore/serve/answer_writer.hpp"
#include "hexcore/serve/token_chances_json.hpp"

namespace hexcore {

/// For `POST /v1/completions`.
[[nodiscard]] std::unique_ptr<AnswerWriter> text_writer(AnswerHead head, std::uint32_t choices,
                                                        TokenText text_of);

}  // namespace hexcore
