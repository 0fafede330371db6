#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "hexcore/cli/chat_history.hpp"
#include "hexcore/cli/clusters.hpp"
#include "hexcore/cli/edit_buffer.hpp"
#include "hexcore/cli/folds.hpp"
#include "hexcore/cli/history_search.hpp"
#include "hexcore/cli/key_decoder.hpp"

namespace hexcore {

/// What keys of the line editor's own are to libedit. It knows them by what they are bound to; some
/// are libedit's functions, called by "typing" their code.
enum EditingCode : wchar_t {
    code_mark = first_free_key_code,
    code_show,
    code_line_above,  ///< these are libedit's own
    code_line_below,
    code_accept,
    first_free_editing_code,
};

/// What a key has changed of what is to be seen.
enum class Shown {
    line,
    nothing,
    beep,  ///< nothing, and it can't do what it does
};

/// What keys do that libedit has no functions for: questions of several lines, pastes, combining
/// marks, older questions and the search for them. A long text is shown as a label (Folds).
class Editing {
public:
    Editing(EditLine* editor, Clusters& clusters, ChatHistory history);

    /// For a new line, which is empty.
    void begin();
    /// Puts right what libedit's functions did to labels; true: it has to be shown again.
    [[nodiscard]] bool mend();
    /// What libedit is to take a key for.
    [[nodiscard]] wchar_t code_of(Key key);
    [[nodiscard]] const std::wstring& prompt() const { return prompt_; }

    [[nodiscard]] Shown enter();
    [[nodiscard]] Shown new_line();
    [[nodiscard]] Shown paste();
    [[nodiscard]] Shown join_mark();
    [[nodiscard]] Shown older();
    [[nodiscard]] Shown newer();

    /// The question that was typed; it is kept in the history.
    [[nodiscard]] std::string finish(const std::wstring& typed);
    /// Keeps what there is of a question in the history, and moves behind it.
    void give_up();

    /// The line as far as the cursor, with what stands before it.
    [[nodiscard]] std::wstring shown_before_cursor() const;

private:
    [[nodiscard]] wchar_t code_in_search(Key key);
    [[nodiscard]] std::wstring shown(const std::string& text);
    [[nodiscard]] std::string meant(const std::wstring& typed) const;
    void go_to(std::size_t number);
    void show_text(const std::string& text);
    void set_line(EditedLine line);
    void set_prompt();

    EditBuffer buffer_;
    Clusters& clusters_;
    ChatHistory history_;
    Folds folds_;

    std::wstring prompt_;
    EditedLine seen_;                         ///< the line as it was when a key was last asked for
    std::size_t number_ = 0;                  ///< of the older text that is edited; 0: a new one
    std::map<std::size_t, EditedLine> left_;  ///< how it was, by its number, when another was shown
    std::optional<HistorySearch> search_;
    EditedLine before_search_;
    std::string pasted_;
    wchar_t mark_ = 0;
};

}  // namespace hexcore
