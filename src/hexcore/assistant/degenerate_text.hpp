#pragma once

#include <cstdint>
#include <string_view>

namespace hexcore {

/// What is wrong with an answer as text, whatever it says.
enum class Degeneration {
    none,
    empty,         ///< not even a letter or a digit
    only_special,  ///< tokens that stand for no text
    repeats,       ///< it says the same over and over
};

/// Part of a sentence: "the answer ...".
[[nodiscard]] const char* to_string(Degeneration degeneration);

/// Looks at an answer. `tokens`: all that were generated; `special`: those without a text.
[[nodiscard]] Degeneration degeneration_of(std::string_view answer, std::uint64_t tokens,
                                           std::uint64_t special);
/// Whether a text that is still going on has come to repeat itself: its end is the same four times
/// at least, or most of its runs of four words were there before. Cheap enough for every few
/// tokens.
[[nodiscard]] bool repeats_itself(std::string_view text);

}  // namespace hexcore
