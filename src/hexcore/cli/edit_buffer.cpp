#include "hexcore/cli/edit_buffer.hpp"

namespace hexcore {

EditedLine EditBuffer::line() const {
    const LineInfoW* info = ::el_wline(editor_);
    return {.text = std::wstring(info->buffer, info->lastchar),
            .cursor = static_cast<std::size_t>(info->cursor - info->buffer)};
}

void EditBuffer::set(const EditedLine& line) {
    if (line.text.empty()) {  // which el_wreplacestr() does not take
        to_end();
        const LineInfoW* info = ::el_wline(editor_);
        ::el_deletestr(editor_, static_cast<int>(info->lastchar - info->buffer));
        return;
    }
    ::el_wreplacestr(editor_, line.text.c_str());
    const LineInfoW* info = ::el_wline(editor_);
    ::el_cursor(editor_,
                static_cast<int>(line.cursor) - static_cast<int>(info->cursor - info->buffer));
}

void EditBuffer::insert(const std::wstring& text) { ::el_winsertstr(editor_, text.c_str()); }

void EditBuffer::erase_before_cursor() { ::el_deletestr(editor_, 1); }

void EditBuffer::to_end() {
    const LineInfoW* info = ::el_wline(editor_);
    ::el_cursor(editor_, static_cast<int>(info->lastchar - info->cursor));
}

void EditBuffer::type(wchar_t code) {
    const wchar_t typed[] = {code, 0};
    ::el_wpush(editor_, typed);
}

}  // namespace hexcore
