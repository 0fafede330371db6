#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace hexcore {

/// Small letters in place of capitals, and plain ones in place of those with accents and ligatures
/// of Latin scripts ("Æther" is "aether"); typographic quotation marks and dashes are plain ones.
/// Whatever else there is, among it bytes that are no UTF-8, stays.
[[nodiscard]] std::string folded(std::string_view text);

/// A word of a text: letters and digits, and apostrophes between them. Bytes above ASCII count as
/// letters, but for typographic signs.
struct TextWord {
    std::string folded;  ///< without a possessive 's
    std::size_t begin = 0;
    std::size_t end = 0;  ///< of the bytes in the text
    bool has_capital = false;
    bool begins_sentence = false;
};

/// The first words of a text, at most so many.
[[nodiscard]] std::vector<TextWord> words_of(std::string_view text, std::size_t most);

}  // namespace hexcore
