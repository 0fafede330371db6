#pragma once

#include <cstddef>
#include <string_view>

namespace hexcore {

/// Bytes of a templated conversation up to the end of its last answer, `text`: what a cache holds
/// once the answer is generated. `prompt` is the same conversation as it was before that answer.
/// Templates may trim an answer; all of the conversation counts where one changes it beyond that.
[[nodiscard]] std::size_t end_of_answer(std::string_view conversation, std::string_view prompt,
                                        std::string_view text);

}  // namespace hexcore
