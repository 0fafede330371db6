#include "hexcore/cli/editing.hpp"

#include <algorithm>
#include <cwctype>
#include <string_view>
#include <utility>

#include "hexcore/base/printable.hpp"
#include "hexcore/cli/editor_screen.hpp"
#include "hexcore/cli/question_text.hpp"

namespace hexcore {
namespace {

constexpr const wchar_t* plain_prompt = L"> ";
constexpr wchar_t search_key = L'R' - L'@';

/// The first line that has something on it.
std::string_view first_words(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\n");
    return start == std::string_view::npos ? ""
                                           : text.substr(start, text.find('\n', start) - start);
}

bool is_control(wchar_t code) { return std::iswcntrl(static_cast<wint_t>(code)) != 0; }

}  // namespace

Editing::Editing(EditLine* editor, Clusters& clusters, ChatHistory history)
    : buffer_(editor), clusters_(clusters), history_(std::move(history)) {}

void Editing::begin() {
    prompt_ = plain_prompt;
    seen_ = {};
    left_.clear();
    number_ = 0;
    search_.reset();
}

bool Editing::mend() {
    if (folds_.empty()) {
        return false;
    }
    EditedLine now = buffer_.line();
    EditedLine mended = folds_.mended(seen_, now);
    const bool changed = mended != now;
    if (changed) {
        buffer_.set(mended);
    }
    seen_ = std::move(mended);
    return changed;
}

wchar_t Editing::code_of(Key key) {
    if (search_) {
        return code_in_search(std::move(key));
    }
    if (key.code == search_key) {
        before_search_ = buffer_.line();
        search_.emplace(history_);
        set_prompt();
        return code_show;
    }
    if (key.code == key_paste) {
        pasted_ = std::move(key.pasted);
    } else if (Clusters::is_mark(key.code)) {
        mark_ = key.code;
        return code_mark;
    }
    return key.code > 0x9F ? clusters_.character(key.code) : key.code;
}

wchar_t Editing::code_in_search(Key key) {
    using Step = HistorySearch::Step;
    const Step step = search_->take(key);
    const std::size_t found = search_->found();
    if (step == Step::on && found > 0) {
        show_text(history_.text(found));
    } else if (step != Step::end) {
        set_line(before_search_);
    }
    if (step != Step::on) {
        search_.reset();
        if (step == Step::end && found > 0) {
            left_[number_] = before_search_;
            number_ = found;
        }
    }
    set_prompt();
    if (step == Step::end) {
        buffer_.type(code_of(std::move(key)));
    }
    return code_show;
}

Shown Editing::enter() {
    const EditedLine line = buffer_.line();
    if (!goes_on(clusters_.text(line.text))) {
        buffer_.type(code_accept);
        return Shown::nothing;
    }
    buffer_.to_end();
    if (line.text.ends_with(L'\\')) {
        buffer_.erase_before_cursor();
    }
    return new_line();
}

Shown Editing::new_line() {
    buffer_.insert(L"\n");
    return Shown::line;
}

Shown Editing::paste() {
    buffer_.insert(shown(std::exchange(pasted_, {})));
    return Shown::line;
}

Shown Editing::join_mark() {
    const EditedLine line = buffer_.line();
    const wchar_t before = line.cursor == 0 ? 0 : line.text[line.cursor - 1];
    const bool joins = before != 0 && !is_control(before);
    if (const wchar_t joined = clusters_.with_mark(joins ? before : 0, mark_)) {
        if (joins) {
            buffer_.erase_before_cursor();
        }
        buffer_.insert({joined});
    }
    return Shown::line;
}

Shown Editing::older() {
    const EditedLine line = buffer_.line();
    if (line.text.substr(0, line.cursor).find(L'\n') != std::wstring::npos) {
        buffer_.type(code_line_above);
        return Shown::nothing;
    }
    if (number_ == history_.size()) {
        return Shown::beep;
    }
    go_to(number_ + 1);
    return Shown::line;
}

Shown Editing::newer() {
    const EditedLine line = buffer_.line();
    if (line.text.find(L'\n', line.cursor) != std::wstring::npos) {
        buffer_.type(code_line_below);
        return Shown::nothing;
    }
    if (number_ == 0) {
        return Shown::beep;
    }
    go_to(number_ - 1);
    return Shown::line;
}

std::string Editing::finish(const std::wstring& typed) {
    std::string question = meant(typed);
    history_.add(question);
    return question;
}

void Editing::give_up() {
    const std::string text = meant(search_ ? before_search_.text : buffer_.line().text);
    if (number_ == 0 || text != history_.text(number_)) {
        history_.add(text);
    }
    buffer_.to_end();
}

std::wstring Editing::shown_before_cursor() const {
    const EditedLine line = buffer_.line();
    return prompt_ + line.text.substr(0, line.cursor);
}

std::wstring Editing::shown(const std::string& text) {
    // More libedit would not show whole, and of what is higher than the window it loses the place.
    constexpr std::size_t characters_max = 800;
    const WindowSize window = window_size();
    std::wstring whole = clusters_.edited(text);
    const bool is_short =
        whole.size() <= characters_max &&
        rows_above_end(whole, window.columns) < std::max<std::size_t>(window.rows / 3, 2);
    // What looks like the beginning of a block would not end with Enter.
    if (is_short && !goes_on(text)) {
        return whole;
    }
    return folds_.label_of(text, clusters_.edited(printable(first_words(text))));
}

std::string Editing::meant(const std::wstring& typed) const {
    std::string whole;
    for (const Folds::Part& part : folds_.parts_of(typed)) {
        whole += part.folded != nullptr ? *part.folded
                                        : clusters_.text(std::wstring_view(typed).substr(
                                              part.begin, part.end - part.begin));
    }
    const std::string seen = clusters_.text(typed);
    return meant_by(seen) == seen ? whole : meant_by(whole);
}

void Editing::go_to(std::size_t number) {
    left_[number_] = buffer_.line();
    number_ = number;
    if (const auto left = left_.find(number); left != left_.end()) {
        set_line(left->second);
    } else {
        show_text(history_.text(number));
    }
}

void Editing::show_text(const std::string& text) {
    std::wstring line = shown(text);
    const std::size_t end = line.size();
    set_line({std::move(line), end});
}

void Editing::set_line(EditedLine line) {
    buffer_.set(line);
    seen_ = std::move(line);
}

void Editing::set_prompt() {
    if (!search_) {
        prompt_ = plain_prompt;
        return;
    }
    prompt_ = search_->failed() ? L"(not found: " : L"(search: ";
    prompt_ += clusters_.edited(search_->part()) + L") ";
}

}  // namespace hexcore
