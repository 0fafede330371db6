#include "hexcore/cli/line_editor.hpp"

#include <histedit.h>
#include <langinfo.h>
#include <locale.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "hexcore/cli/chat_history.hpp"
#include "hexcore/cli/clusters.hpp"
#include "hexcore/cli/editing.hpp"
#include "hexcore/cli/editor_screen.hpp"
#include "hexcore/cli/keyboard.hpp"
#include "hexcore/cli/terminal.hpp"
#include "hexcore/cli/terminal_state.hpp"

namespace hexcore {
namespace {

enum ScreenCode : wchar_t {
    code_resized = first_free_editing_code,
    code_resumed,
    code_give_up,
};

/// The locale in which text is UTF-8; null where the user's has another encoding.
locale_t utf8_locale() {
    std::setlocale(LC_CTYPE, "");
    const std::string_view codeset = ::nl_langinfo(CODESET);
    if (codeset == "UTF-8") {
        return ::newlocale(LC_CTYPE_MASK, "", nullptr);
    }
    // The C locale says nothing of the terminal, and those in use have UTF-8.
    return codeset == "ANSI_X3.4-1968" ? ::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr) : nullptr;
}

/// Makes a locale this thread's for a while.
class LocaleScope {
public:
    explicit LocaleScope(locale_t locale) : before_(::uselocale(locale)) {}
    ~LocaleScope() { ::uselocale(before_); }
    LocaleScope(const LocaleScope&) = delete;
    LocaleScope& operator=(const LocaleScope&) = delete;

private:
    locale_t before_;
};

}  // namespace

class LineEditor::Libedit {
public:
    Libedit(const Interrupt& interrupt, locale_t locale)
        : locale_(locale), keyboard_(interrupt, terminal_) {}
    ~Libedit();
    Libedit(const Libedit&) = delete;
    Libedit& operator=(const Libedit&) = delete;

    /// False where the terminal cannot do what it takes.
    [[nodiscard]] bool begin();
    [[nodiscard]] Outcome next(std::string& question);
    void keep_typed() { keyboard_.keep_room(); }

private:
    using Function = unsigned char (Libedit::*)();
    static Libedit& of(EditLine* editor);
    template <Function function>
    void bind(wchar_t code, const wchar_t* name);
    void bind(const wchar_t* key, const wchar_t* name);
    void set_keys();
    /// What libedit calls for a key: 1 and the code, or -1: no more.
    int next_code(wchar_t& code);

    template <Shown (Editing::*function)()>
    unsigned char edit();
    unsigned char show();
    unsigned char resized();
    unsigned char resumed();
    unsigned char give_up();

    locale_t locale_;
    Clusters clusters_;
    TerminalState terminal_;
    Keyboard keyboard_;
    std::FILE* screen_ = nullptr;
    std::FILE* nowhere_ = nullptr;
    EditLine* editor_ = nullptr;
    std::optional<Editing> editing_;
    std::size_t columns_ = 0;
    Outcome outcome_ = Outcome::end;  ///< where libedit gives no line
    bool given_up_ = false;
};

LineEditor::Libedit& LineEditor::Libedit::of(EditLine* editor) {
    void* data = nullptr;
    ::el_wget(editor, EL_CLIENTDATA, &data);
    return *static_cast<Libedit*>(data);
}

bool LineEditor::Libedit::begin() {
    const LocaleScope scope(locale_);
    screen_ = open_screen(clusters_);
    nowhere_ = std::fopen("/dev/null", "we");  // for what libedit says of unknown terminals
    if (screen_ == nullptr || nowhere_ == nullptr) {
        return false;
    }
    editor_ = ::el_init_fd("hexcore", stdin, screen_, nowhere_, STDIN_FILENO, STDOUT_FILENO,
                           STDERR_FILENO);
    if (editor_ == nullptr) {
        return false;
    }
    // Pastes in brackets, and what resized() writes, are of terminals that understand ECMA-48.
    const char* erases = nullptr;
    const char* goes_up = nullptr;
    ::el_wget(editor_, EL_GETTC, "ce", &erases);
    ::el_wget(editor_, EL_GETTC, "up", &goes_up);
    const auto begins = [](const char* sequence, std::string_view with) {
        return sequence != nullptr && std::string_view(sequence).starts_with(with);
    };
    // tmux and screen go up by a reverse line feed.
    if (!begins(erases, "\x1b[") || (!begins(goes_up, "\x1b[") && !begins(goes_up, "\x1bM"))) {
        return false;
    }
    // It inserts and deletes in wrapped rows as if wide characters had one column. Without these it
    // writes the rest of the row anew.
    for (const wchar_t* name : {L"im", L"ei", L"ic", L"IC", L"dm", L"ed", L"dc", L"DC"}) {
        ::el_wset(editor_, EL_SETTC, name, L"", nullptr);
    }
    ::el_wset(editor_, EL_CLIENTDATA, this);
    ::el_wset(
        editor_, EL_GETCFN,
        +[](EditLine* editor, wchar_t* code) { return of(editor).next_code(*code); });
    ::el_wset(
        editor_, EL_PROMPT, +[](EditLine* editor) {
            return const_cast<wchar_t*>(of(editor).editing_->prompt().c_str());
        });
    editing_.emplace(editor_, clusters_, ChatHistory(default_history_file()));
    set_keys();
    terminal_.bracket_pastes();
    return true;
}

LineEditor::Libedit::~Libedit() {
    if (editor_ != nullptr) {
        // Or it gives the terminal back in its own way, and throws away what was typed ahead.
        ::el_wset(editor_, EL_EDITMODE, 0);
        ::el_end(editor_);
    }
    for (std::FILE* file : {screen_, nowhere_}) {
        if (file != nullptr) {
            std::fclose(file);
        }
    }
    ::freelocale(locale_);
}

template <LineEditor::Libedit::Function function>
void LineEditor::Libedit::bind(wchar_t code, const wchar_t* name) {
    ::el_wset(
        editor_, EL_ADDFN, name, name,
        +[](EditLine* editor, wint_t) { return (of(editor).*function)(); });
    const wchar_t key[] = {code, 0};
    bind(key, name);
}

void LineEditor::Libedit::bind(const wchar_t* key, const wchar_t* name) {
    ::el_wset(editor_, EL_BIND, key, name, nullptr);
}

void LineEditor::Libedit::set_keys() {
    // Keys arrive as they are sent, in the editor and while an answer is given, and what is typed
    // then is neither shown nor lost by Ctrl-C.
    ::el_wset(editor_, EL_SETTY, L"-d", L"-icrnl", L"-inlcr", L"+noflsh", nullptr);
    ::el_wset(editor_, EL_SETTY, L"-x", L"-icrnl", L"-icanon", L"-echo", L"+noflsh", nullptr);
    ::el_wset(editor_, EL_EDITOR, L"emacs");
    bind<&Libedit::edit<&Editing::enter>>(L'\r', L"enter");
    bind(L"\n", L"enter");
    bind<&Libedit::edit<&Editing::new_line>>(key_new_line, L"new-line");
    bind<&Libedit::edit<&Editing::paste>>(key_paste, L"paste");
    bind<&Libedit::edit<&Editing::join_mark>>(code_mark, L"join-mark");
    bind<&Libedit::edit<&Editing::older>>(L'P' - L'@', L"older");
    bind<&Libedit::edit<&Editing::newer>>(L'N' - L'@', L"newer");
    bind<&Libedit::show>(code_show, L"show");
    bind<&Libedit::resized>(code_resized, L"resized");
    bind<&Libedit::resumed>(code_resumed, L"resumed");
    bind<&Libedit::give_up>(code_give_up, L"give-up");
    const auto bind_code = [this](wchar_t code, const wchar_t* name) {
        const wchar_t key[] = {code, 0};
        bind(key, name);
    };
    bind_code(key_delete, L"ed-delete-next-char");
    bind_code(key_delete_word, L"em-delete-next-word");
    bind_code(key_word_left, L"ed-prev-word");
    bind_code(key_word_right, L"em-next-word");
    bind_code(code_line_above, L"ed-prev-line");
    bind_code(code_line_below, L"ed-next-line");
    bind_code(code_accept, L"ed-newline");
    bind(L"^U", L"vi-kill-line-prev");  // up to the cursor, as shells do
    // Of libedit's own: what shows a line end wrongly, and commands that change the terminal.
    for (const wchar_t* key : {L"^V", L"^Q", L"\033x", L"\033X"}) {
        bind(key, L"ed-unassigned");
    }
}

LineEditor::Outcome LineEditor::Libedit::next(std::string& question) {
    const LocaleScope scope(locale_);
    keyboard_.leave_alone();
    terminal_.claim();
    outcome_ = Outcome::end;
    given_up_ = false;
    columns_ = window_size().columns;
    editing_->begin();
    int count = 0;
    const wchar_t* line = ::el_wgets(editor_, &count);
    if (line == nullptr || count <= 0) {
        return outcome_;
    }
    std::wstring typed(line, static_cast<std::size_t>(count));
    if (typed.ends_with(L'\n')) {
        typed.pop_back();
    }
    question = editing_->finish(typed);
    return Outcome::question;
}

int LineEditor::Libedit::next_code(wchar_t& code) {
    terminal_.remember();
    if (editing_->mend()) {
        code = code_show;
        return 1;
    }
    Key key;
    switch (keyboard_.next(key)) {
        case Keyboard::Event::key:
            code = editing_->code_of(std::move(key));
            return 1;
        case Keyboard::Event::resized:
            code = code_resized;
            return 1;
        case Keyboard::Event::resumed:
            code = code_resumed;
            return 1;
        case Keyboard::Event::interrupted:
            if (!given_up_) {
                code = code_give_up;
                return 1;
            }
            break;
        case Keyboard::Event::ended:
            break;
    }
    errno = EINTR;
    return -1;
}

template <Shown (Editing::*function)()>
unsigned char LineEditor::Libedit::edit() {
    switch (((*editing_).*function)()) {
        case Shown::line:
            return CC_REFRESH;
        case Shown::nothing:
            return CC_NORM;
        case Shown::beep:
            break;
    }
    return CC_ERROR;
}

unsigned char LineEditor::Libedit::show() { return CC_REFRESH; }

unsigned char LineEditor::Libedit::resized() {
    // Some terminals break the rows anew, some cut them. To erase too little looks better.
    const std::wstring text = editing_->shown_before_cursor();
    const std::size_t columns = window_size().columns;
    const std::size_t above =
        std::min(rows_above_end(text, columns_), rows_above_end(text, columns));
    columns_ = columns;
    std::fputs("\r", screen_);
    if (above > 0) {
        std::fprintf(screen_, "\x1b[%zuA", above);
    }
    std::fputs("\x1b[J", screen_);
    ::el_resize(editor_);
    ::el_wset(editor_, EL_REFRESH);
    return CC_NORM;
}

unsigned char LineEditor::Libedit::resumed() {
    std::fputs("\r\x1b[J", screen_);
    ::el_resize(editor_);
    ::el_wset(editor_, EL_REFRESH);
    return CC_NORM;
}

unsigned char LineEditor::Libedit::give_up() {
    const LineInfoW* typed = ::el_wline(editor_);
    outcome_ = typed->lastchar > typed->buffer ? Outcome::given_up : Outcome::interrupted;
    editing_->give_up();
    given_up_ = true;
    return CC_CURSOR;
}

std::unique_ptr<LineEditor> LineEditor::open(const Interrupt& interrupt) {
    if (!stdin_is_terminal() || !understands_escapes(STDOUT_FILENO)) {
        return nullptr;
    }
    const locale_t locale = utf8_locale();
    if (locale == nullptr) {
        return nullptr;
    }
    auto libedit = std::make_unique<Libedit>(interrupt, locale);
    if (!libedit->begin()) {
        return nullptr;
    }
    return std::unique_ptr<LineEditor>(new LineEditor(std::move(libedit)));
}

LineEditor::LineEditor(std::unique_ptr<Libedit> libedit) : libedit_(std::move(libedit)) {}
LineEditor::~LineEditor() = default;

LineEditor::Outcome LineEditor::next(std::string& question) { return libedit_->next(question); }
void LineEditor::keep_typed() { libedit_->keep_typed(); }

}  // namespace hexcore
