#pragma once

#include <memory>
#include <string>

#include "hexcore/cli/line_editor.hpp"
#include "hexcore/cli/line_reader.hpp"
#include "hexcore/process/interrupt.hpp"

namespace hexcore {

/// The questions of a chat: edited on a terminal that can do that, else lines of standard input.
class QuestionReader {
public:
    explicit QuestionReader(Interrupt& interrupt) : interrupt_(interrupt), lines_(interrupt) {}

    /// Whether standard input is known to have no more lines. Does not wait for any.
    [[nodiscard]] bool has_ended();
    /// From now on the terminal, if there is one, is for the chat.
    void begin() { editor_ = LineEditor::open(interrupt_); }
    /// Whether questions are edited, and earlier ones can be brought back.
    [[nodiscard]] bool edits() const { return editor_ != nullptr; }
    /// The next question that is not empty; on a terminal one of several lines where it is typed so
    /// (goes_on()). False at the end, after SIGTERM, and after Ctrl-C; on a terminal after a second
    /// one where nothing was typed in between.
    [[nodiscard]] bool next(std::string& question);

    /// Nothing is lost of what is typed until the next question is asked for.
    void keep_typed() {
        if (editor_) {
            editor_->keep_typed();
        }
    }

private:
    enum class Outcome { question, given_up, interrupted, end };
    [[nodiscard]] Outcome edit(std::string& question);
    [[nodiscard]] Outcome read(std::string& question);

    Interrupt& interrupt_;
    LineReader lines_;
    std::unique_ptr<LineEditor> editor_;
    bool asked_ = false;
};

}  // namespace hexcore
