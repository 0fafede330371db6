#pragma once

#include <string_view>
#include <vector>

#include "hexcore/chat/answer_reader.hpp"
#include "hexcore/cli/word_wrap.hpp"

namespace hexcore {

/// Prints an answer while it comes. On a terminal it is broken between words, and the thoughts
/// before it are there, dimmed; elsewhere they are left out.
class AnswerPrinter {
public:
    AnswerPrinter();

    void add(const std::vector<ChatDelta>& deltas);
    /// No more comes.
    void finish();

private:
    void print_delta(const ChatDelta& delta);

    bool on_terminal_;
    WordWrap wrap_;
    std::string_view dimmed_;
    std::string_view as_usual_;
    bool thinking_ = false;
};

}  // namespace hexcore
