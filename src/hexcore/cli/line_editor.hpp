#pragma once

#include <memory>
#include <string>

#include "hexcore/process/interrupt.hpp"

namespace hexcore {

/// Edits questions on the terminal that standard input and output are, by libedit: Emacs keys, the
/// history of this chat and earlier ones, pastes of several lines. What is typed while nobody asks
/// comes with the next question, and is not shown before. However the program ends, the terminal is
/// given back as it was found (TerminalState).
class LineEditor {
public:
    /// Null where there is no such terminal, or one that cannot do what editing takes (TERM=dumb).
    [[nodiscard]] static std::unique_ptr<LineEditor> open(const Interrupt& interrupt);
    ~LineEditor();
    LineEditor(const LineEditor&) = delete;
    LineEditor& operator=(const LineEditor&) = delete;

    enum class Outcome {
        question,
        given_up,     ///< by Ctrl-C; what was typed is in the history
        interrupted,  ///< the same where nothing was typed
        end,          ///< Ctrl-D, or a terminal that is gone
    };
    /// Waits for a question, of one or several lines; it may be empty.
    [[nodiscard]] Outcome next(std::string& question);
    /// Until next(), what is typed is kept, however much it is.
    void keep_typed();

private:
    class Libedit;
    explicit LineEditor(std::unique_ptr<Libedit> libedit);

    std::unique_ptr<Libedit> libedit_;
};

}  // namespace hexcore
