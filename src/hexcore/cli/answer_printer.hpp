#pragma once

#include <string>
#include <string_view>

#include "hexcore/chat/answer_reader.hpp"
#include "hexcore/cli/word_wrap.hpp"

namespace hexcore {

/// Prints an answer while it comes. On a terminal it is broken between words, and the thoughts
/// before it are there, dimmed; elsewhere they are left out.
class AnswerPrinter {
public:
    explicit AnswerPrinter(const ChatPrompt& prompt);

    void add(std::string_view text);
    /// What is no message in the template's form was printed as far as it was one.
    void finish();

private:
    void print_delta(const ChatDelta& delta);

    AnswerReader reader_;
    bool on_terminal_;
    WordWrap wrap_;
    std::string_view dimmed_;
    std::string_view as_usual_;
    bool thinking_ = false;
};

}  // namespace hexcore
