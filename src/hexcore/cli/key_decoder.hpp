#pragma once

#include <deque>
#include <optional>
#include <string>

#include "hexcore/cli/code_points.hpp"

namespace hexcore {

/// A key, as the line editor's map has it: a character, or one of these, which nobody can type.
enum KeyCode : wchar_t {
    key_paste = 0x80,  ///< with its text
    key_new_line,
    key_delete,
    key_word_left,
    key_word_right,
    key_delete_word,
    first_free_key_code = 0x90,  ///< up to 0x9F
};

/// The key that Ctrl makes of a capital letter.
constexpr wchar_t control(char letter) { return static_cast<wchar_t>(letter - '@'); }

struct Key {
    wchar_t code = 0;
    std::string pasted = {};
};

/// Makes keys of what a terminal sends. Keys that send a sequence become the Emacs key that does
/// the same; sequences that mean nothing here are dropped whole. Pastes are told by the brackets of
/// terminals that were asked for them ("\x1b[?2004h").
class KeyDecoder {
public:
    void add(char byte);
    /// The next key that is complete.
    [[nodiscard]] std::optional<Key> take();
    /// Ends a paste whose end has not come; false where there is none.
    bool end_paste();
    /// Nothing came for a while: an escape character so far is the Esc key, and begins no sequence.
    void pause() { is_esc_key_ = state_ == State::escape; }

private:
    enum class State { plain, escape, sequence, paste };
    void add_plain(char byte);
    void add_to_sequence(char byte);
    void add_to_paste(char byte);
    void give(wchar_t code);

    State state_ = State::plain;
    bool is_esc_key_ = false;
    CodePoints decoder_;
    std::string sequence_;  ///< behind the escape character
    std::string pasted_;
    std::deque<Key> keys_;
};

}  // namespace hexcore
