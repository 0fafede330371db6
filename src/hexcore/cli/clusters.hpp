#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hexcore {

/// Text as the line editor has it, which takes every code point for something that can be seen. A
/// letter with its combining marks is one character there, for which a code point stands in that
/// hardly any text has, so that moving and deleting go by what is seen. What is wide and what is a
/// mark, the locale in effect says.
class Clusters {
public:
    /// UTF-8 for the editor; what is none becomes U+FFFD.
    [[nodiscard]] std::wstring edited(std::string_view text);
    /// What the editor has, as UTF-8.
    [[nodiscard]] std::string text(std::wstring_view edited) const;
    /// The same for the screen, where a mark without a letter has a circle to stand on.
    [[nodiscard]] std::string shown(std::wstring_view edited) const;

    /// Whether a code point joins the character before it.
    [[nodiscard]] static bool is_mark(wchar_t code);
    /// A character with one more mark; of 0, the mark alone. 0 where all stand-ins are taken.
    [[nodiscard]] wchar_t with_mark(wchar_t character, wchar_t mark);
    /// A code point as a character: itself, unless it stands in for others.
    [[nodiscard]] wchar_t character(wchar_t code);

private:
    [[nodiscard]] wchar_t stand_in(const std::wstring& cluster);
    /// The code points that it stands in for; null: for none.
    [[nodiscard]] const std::wstring* cluster_of(wchar_t character) const;

    std::vector<std::wstring> narrow_;  ///< by the number of the code point that stands in
    std::vector<std::wstring> wide_;
    std::map<std::wstring, wchar_t> known_;
};

}  // namespace hexcore
