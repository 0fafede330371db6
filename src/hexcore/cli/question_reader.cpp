#include "hexcore/cli/question_reader.hpp"

#include <utility>

#include "hexcore/cli/question_text.hpp"
#include "hexcore/cli/terminal.hpp"

namespace hexcore {

bool QuestionReader::has_ended() {
    // What was typed into a terminal by now is for the editor.
    return !stdin_is_terminal() && lines_.has_ended();
}

bool QuestionReader::next(std::string& question) {
    if (std::exchange(asked_, true) && stdin_is_terminal() && stdout_is_terminal()) {
        print("\n");
    }
    for (bool told = false;; told = true) {
        const Outcome outcome = editor_ ? edit(question) : read(question);
        if (outcome == Outcome::question || outcome == Outcome::end) {
            return outcome == Outcome::question;
        }
        const bool again = told && outcome == Outcome::interrupted;
        if (again || interrupt_.should_quit() || !stdin_is_terminal()) {
            return false;
        }
        interrupt_.clear();
        print_aside("\nAnother Ctrl-C, or Ctrl-D, ends the chat.\n");
    }
}

QuestionReader::Outcome QuestionReader::edit(std::string& question) {
    for (;;) {
        switch (editor_->next(question)) {
            case LineEditor::Outcome::question:
                if (question.find_first_not_of(" \t\n") != std::string::npos) {
                    return Outcome::question;
                }
                break;
            case LineEditor::Outcome::given_up:
                return Outcome::given_up;
            case LineEditor::Outcome::interrupted:
                return Outcome::interrupted;
            case LineEditor::Outcome::end:
                return Outcome::end;
        }
    }
}

QuestionReader::Outcome QuestionReader::read(std::string& question) {
    const bool on_terminal = stdin_is_terminal() && stdout_is_terminal();
    const auto next_line = [&](const char* prompt, std::string& line) {
        if (stdout_is_terminal()) {
            print(prompt);
        }
        return lines_.next(line);
    };
    std::string line;
    bool has_line = next_line("> ", line);
    question = line;
    while (has_line && on_terminal && goes_on(question)) {
        has_line = next_line("... ", line);
        if (question.ends_with('\\')) {
            question.pop_back();
        }
        question += "\n" + line;
    }
    if (!has_line) {
        return interrupt_.happened() ? Outcome::interrupted : Outcome::end;
    }
    if (on_terminal) {
        question = meant_by(question);
    }
    return Outcome::question;
}

}  // namespace hexcore
