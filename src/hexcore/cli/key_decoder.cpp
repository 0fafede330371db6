#include "hexcore/cli/key_decoder.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace hexcore {
namespace {

constexpr char escape_byte = '\x1b';
constexpr std::string_view paste_begins = "[200~";
constexpr std::string_view paste_ends = "\x1b[201~";

struct Sequence {
    std::string_view sent;  ///< behind the escape character
    wchar_t code;
};
/// What xterm, the Linux console, rxvt and their kin send.
constexpr std::array sequences{
    Sequence{"[A", control('P')},        Sequence{"OA", control('P')},
    Sequence{"[B", control('N')},        Sequence{"OB", control('N')},
    Sequence{"[C", control('F')},        Sequence{"OC", control('F')},
    Sequence{"[D", control('B')},        Sequence{"OD", control('B')},
    Sequence{"[H", control('A')},        Sequence{"OH", control('A')},
    Sequence{"[1~", control('A')},       Sequence{"[7~", control('A')},
    Sequence{"[F", control('E')},        Sequence{"OF", control('E')},
    Sequence{"[4~", control('E')},       Sequence{"[8~", control('E')},
    Sequence{"[3~", key_delete},         Sequence{"[3;5~", key_delete_word},
    Sequence{"[1;5C", key_word_right},   Sequence{"[1;3C", key_word_right},
    Sequence{"[1;5D", key_word_left},    Sequence{"[1;3D", key_word_left},
    Sequence{"OM", control('M')},        Sequence{"[13;2u", key_new_line},
    Sequence{"[27;2;13~", key_new_line},
};

/// One line end for each that a terminal may send.
std::string with_line_ends(std::string_view sent) {
    std::string text;
    for (std::size_t at = 0; at < sent.size(); ++at) {
        if (sent[at] != '\r') {
            text += sent[at];
        } else if (!sent.substr(at + 1).starts_with('\n')) {
            text += '\n';
        }
    }
    return text;
}

}  // namespace

void KeyDecoder::add(char byte) {
    switch (state_) {
        case State::plain:
            return add_plain(byte);
        case State::escape:
        case State::sequence:
            return add_to_sequence(byte);
        case State::paste:
            return add_to_paste(byte);
    }
}

std::optional<Key> KeyDecoder::take() {
    if (keys_.empty()) {
        return {};
    }
    Key key = std::move(keys_.front());
    keys_.pop_front();
    return key;
}

bool KeyDecoder::end_paste() {
    if (state_ != State::paste) {
        return false;
    }
    state_ = State::plain;
    keys_.push_back({key_paste, with_line_ends(pasted_)});
    pasted_.clear();
    return true;
}

void KeyDecoder::give(wchar_t code) { keys_.push_back({code}); }

void KeyDecoder::add_plain(char byte) {
    if (byte == escape_byte) {
        state_ = State::escape;
        is_esc_key_ = false;
        sequence_.clear();
        return;
    }
    std::wstring codes;
    decoder_.add(byte, codes);
    for (const wchar_t code : codes) {
        const bool is_ours = code >= 0x80 && code <= 0x9F;
        give(is_ours ? wchar_t{0xFFFD} : code);
    }
}

void KeyDecoder::add_to_sequence(char byte) {
    if (state_ == State::escape && byte == escape_byte) {
        return give(escape_byte);
    }
    const bool is_control = static_cast<unsigned char>(byte) < ' ';
    if (state_ == State::sequence && is_control) {
        state_ = State::plain;  // it was none
        return add_plain(byte);
    }
    sequence_ += byte;
    const bool begins = state_ == State::escape && !is_esc_key_ && (byte == '[' || byte == 'O');
    // The Linux console's function keys have a second bracket.
    const bool goes_on =
        state_ == State::sequence && (byte < '@' || byte > '~' || sequence_ == "[[");
    if (begins || goes_on) {
        state_ = State::sequence;
        return;
    }
    const State state = std::exchange(state_, State::plain);
    if (sequence_ == paste_begins) {
        state_ = State::paste;
    } else if (state == State::sequence) {
        const auto* known = std::ranges::find(sequences, sequence_, &Sequence::sent);
        if (known != sequences.end()) {
            give(known->code);
        }
    } else if (byte == '\r' || byte == '\n') {
        give(key_new_line);
    } else {
        give(escape_byte);
        add_plain(byte);
    }
}

void KeyDecoder::add_to_paste(char byte) {
    pasted_ += byte;
    if (pasted_.ends_with(paste_ends)) {
        pasted_.resize(pasted_.size() - paste_ends.size());
        end_paste();
    }
}

}  // namespace hexcore
