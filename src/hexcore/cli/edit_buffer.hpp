#pragma once

#include <histedit.h>

#include <string>

#include "hexcore/cli/folds.hpp"

namespace hexcore {

/// The line that libedit is editing.
class EditBuffer {
public:
    explicit EditBuffer(EditLine* editor) : editor_(editor) {}

    [[nodiscard]] EditedLine line() const;
    /// In place of all of it.
    void set(const EditedLine& line);
    void insert(const std::wstring& text);
    void erase_before_cursor();
    void to_end();
    /// Has libedit take the code for the next key.
    void type(wchar_t code);

private:
    EditLine* editor_;
};

}  // namespace hexcore
