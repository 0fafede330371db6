#include "hexcore/cli/answer_printer.hpp"

#include <utility>

#include "hexcore/cli/terminal.hpp"

namespace hexcore {

AnswerPrinter::AnswerPrinter() : on_terminal_(stdout_is_terminal()), wrap_(stdout_columns()) {
    if (stdout_style().color == Color::ansi) {
        dimmed_ = "\x1b[2m";
        as_usual_ = "\x1b[0m";
    }
}

void AnswerPrinter::add(const std::vector<ChatDelta>& deltas) {
    for (const ChatDelta& delta : deltas) {
        print_delta(delta);
    }
}

void AnswerPrinter::finish() {
    print(wrap_.finish());
    if (thinking_) {
        print(as_usual_);
    }
}

void AnswerPrinter::print_delta(const ChatDelta& delta) {
    if (!delta.reasoning.empty() && on_terminal_) {
        if (!std::exchange(thinking_, true)) {
            print(dimmed_);
        }
        print(wrap_.add(delta.reasoning));
    }
    if (!delta.content.empty()) {
        if (std::exchange(thinking_, false)) {
            print(wrap_.add("\n\n"));
            print(as_usual_);
        }
        print(on_terminal_ ? wrap_.add(delta.content) : delta.content);
    }
}

}  // namespace hexcore
