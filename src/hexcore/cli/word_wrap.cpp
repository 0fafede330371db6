#include "hexcore/cli/word_wrap.hpp"

#include <algorithm>
#include <cwchar>

#include "hexcore/cli/code_points.hpp"

namespace hexcore {
namespace {

constexpr std::string_view fence = "```";
constexpr std::size_t tab = 8;

bool is_control(wchar_t code) { return code < L' ' || (code >= 0x7F && code <= 0x9F); }

}  // namespace

std::string WordWrap::add(std::string_view text) {
    std::string shown;
    for (const wchar_t code : CodePoints::of(text)) {
        if (code == L'\n') {
            end_line(shown);
            continue;
        }
        const bool is_tab = code == L'\t';
        if (is_control(code) && !is_tab) {
            continue;
        }
        // A space at the end of a line is where it is broken.
        const bool is_space = (code == L' ' || is_tab) && !in_code_;
        if (is_space) {
            end_word(shown);
        }
        const std::size_t columns =
            is_tab ? tab - column_ % tab : static_cast<std::size_t>(std::max(::wcwidth(code), 0));
        if (!is_space || column_ < columns_) {
            append_utf8(word_, {&code, 1});
            word_columns_ += columns;
        }
        const bool may_break = is_space || columns > 1;
        if (may_break || in_code_) {
            end_word(shown);
        }
    }
    return shown;
}

std::string WordWrap::finish() {
    std::string shown;
    end_word(shown);
    return shown;
}

void WordWrap::end_word(std::string& shown) {
    if (line_start_.size() < fence.size()) {
        line_start_ += word_.substr(0, fence.size() - line_start_.size());
    }
    if (!in_code_ && column_ > 0 && column_ + word_columns_ > columns_) {
        shown += '\n';
        column_ = 0;
    }
    shown += word_;
    column_ += word_columns_;
    if (column_ > columns_) {
        column_ %= columns_;  // the terminal has broken it
    }
    word_.clear();
    word_columns_ = 0;
}

void WordWrap::end_line(std::string& shown) {
    end_word(shown);
    if (line_start_ == fence) {
        in_code_ = !in_code_;
    }
    line_start_.clear();
    shown += '\n';
    column_ = 0;
}

}  // namespace hexcore
