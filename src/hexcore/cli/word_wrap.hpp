#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hexcore {

/// Breaks a text between words while it comes, for a terminal that would break it within them. Code
/// (between lines of ```) stays as it is, and so do words that are longer than a line. Widths are
/// those of the locale in effect. Control characters, which could do anything to the terminal, are
/// left out.
class WordWrap {
public:
    explicit WordWrap(std::size_t columns) : columns_(columns) {}

    /// More text, in whole characters: what can be shown by now. The last word may go on.
    [[nodiscard]] std::string add(std::string_view text);
    /// The last word.
    [[nodiscard]] std::string finish();

private:
    void end_word(std::string& shown);
    void end_line(std::string& shown);

    std::size_t columns_;
    std::size_t column_ = 0;
    std::string word_;
    std::size_t word_columns_ = 0;
    std::string line_start_;  ///< of the text's line
    bool in_code_ = false;
};

}  // namespace hexcore
