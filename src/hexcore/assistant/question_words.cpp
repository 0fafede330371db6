#include "hexcore/assistant/question_words.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "hexcore/base/utf8.hpp"

namespace hexcore {
namespace {

struct Fold {
    std::string_view from;
    std::string_view to;
};
// U+00C0 to U+017F are two bytes: C3 80 to C5 BF. What card names and texts have of them, and the
// signs that word processors put.
constexpr std::array folds{
    Fold{"\u00c0\u00c1\u00c2\u00c3\u00c4\u00c5\u00e0\u00e1\u00e2\u00e3\u00e4\u00e5", "a"},
    Fold{"\u00c6\u00e6", "ae"},
    Fold{"\u00c7\u00e7", "c"},
    Fold{"\u00c8\u00c9\u00ca\u00cb\u00e8\u00e9\u00ea\u00eb", "e"},
    Fold{"\u00cc\u00cd\u00ce\u00cf\u00ec\u00ed\u00ee\u00ef", "i"},
    Fold{"\u00d1\u00f1", "n"},
    Fold{"\u00d2\u00d3\u00d4\u00d5\u00d6\u00d8\u00f2\u00f3\u00f4\u00f5\u00f6\u00f8", "o"},
    Fold{"\u0152\u0153", "oe"},
    Fold{"\u0160\u0161", "s"},
    Fold{"\u00d9\u00da\u00db\u00dc\u00f9\u00fa\u00fb\u00fc", "u"},
    Fold{"\u00dd\u00fd\u00ff", "y"},
    Fold{"\u017d\u017e", "z"},
};
constexpr std::array signs{
    Fold{"\u2018", "'"}, Fold{"\u2019", "'"}, Fold{"\u201c", "\""}, Fold{"\u201d", "\""},
    Fold{"\u2013", "-"}, Fold{"\u2014", "-"}, Fold{"\u2212", "-"},
};

constexpr char lower(char letter) {
    return letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// The plain text of what begins with a byte above ASCII, and how long that is; empty: none.
std::pair<std::string_view, std::size_t> plain_at(std::string_view text) {
    for (const Fold& sign : signs) {
        if (text.starts_with(sign.from)) {
            return {sign.to, sign.from.size()};
        }
    }
    if (text.size() < 2) {
        return {};
    }
    for (const Fold& letters : folds) {
        for (std::size_t at = 0; at < letters.from.size(); at += 2) {
            if (text.substr(0, 2) == letters.from.substr(at, 2)) {
                return {letters.to, 2};
            }
        }
    }
    return {};
}

bool is_ascii_letter(char byte) { return lower(byte) >= 'a' && lower(byte) <= 'z'; }
bool is_in_word(char byte) {
    return is_ascii_letter(byte) || (byte >= '0' && byte <= '9') ||
           static_cast<unsigned char>(byte) >= 0x80U;
}

/// The bytes of an apostrophe, where one begins; 0: none does.
std::size_t joint_at(std::string_view text) {
    constexpr std::string_view typographic = "\u2019";
    if (text.starts_with('\'')) {
        return 1;
    }
    return text.starts_with(typographic) ? typographic.size() : 0;
}

/// Typographic signs are above ASCII without being letters.
std::size_t sign_at(std::string_view text) {
    const bool is_sign = text.starts_with("\xe2\x80");
    return is_sign ? std::min<std::size_t>(3, text.size()) : 0;
}

std::size_t word_end(std::string_view text, std::size_t at) {
    while (at < text.size()) {
        const std::string_view rest = text.substr(at);
        if (const std::size_t joint = joint_at(rest); joint > 0) {
            const bool goes_on = at + joint < text.size() && is_in_word(rest[joint]) &&
                                 sign_at(rest.substr(joint)) == 0;
            if (!goes_on) {
                break;
            }
            at += joint;
        } else if (sign_at(rest) > 0 || !is_in_word(rest.front())) {
            break;
        } else {
            at += 1;
        }
    }
    return at;
}

}  // namespace

std::string folded(std::string_view text) {
    std::string plain;
    plain.reserve(text.size());
    while (!text.empty()) {
        const char first = text.front();
        const auto [to, size] = static_cast<unsigned char>(first) < 0x80U
                                    ? std::pair<std::string_view, std::size_t>{}
                                    : plain_at(text);
        if (size == 0) {
            plain += lower(first);
            text.remove_prefix(1);
        } else {
            plain += to;
            text.remove_prefix(size);
        }
    }
    return plain;
}

std::vector<TextWord> words_of(std::string_view text, std::size_t most) {
    std::vector<TextWord> words;
    bool begins_sentence = true;
    std::size_t at = 0;
    while (at < text.size() && words.size() < most) {
        const std::string_view rest = text.substr(at);
        if (const std::size_t sign = sign_at(rest); sign > 0 || !is_in_word(rest.front())) {
            begins_sentence = begins_sentence || std::string_view(".!?:\n").find(rest.front()) !=
                                                     std::string_view::npos;
            at += std::max<std::size_t>(1, sign);
            continue;
        }
        const std::size_t end = word_end(text, at);
        TextWord word{.folded = folded(text.substr(at, end - at)),
                      .begin = at,
                      .end = end,
                      // Of capitals with accents only those that are plain ones once folded.
                      .has_capital = rest.front() >= 'A' && rest.front() <= 'Z',
                      .begins_sentence = begins_sentence};
        if (static_cast<unsigned char>(rest.front()) >= 0x80U) {
            const std::size_t size = rest.size() > 1 && is_continuation(rest[1]) ? 2 : 1;
            word.has_capital = rest.starts_with("\xc3") && size == 2 &&
                               static_cast<unsigned char>(rest[1]) < 0x9fU;
        }
        if (word.folded.ends_with("'s")) {
            word.folded.resize(word.folded.size() - 2);
        }
        words.push_back(std::move(word));
        begins_sentence = false;
        at = end;
    }
    return words;
}

}  // namespace hexcore
