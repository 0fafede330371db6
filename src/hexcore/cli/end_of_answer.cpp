#include "hexcore/cli/end_of_answer.hpp"

#include <algorithm>

namespace hexcore {
namespace {

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view spaces = " \t\r\n\v\f";
    const std::size_t first = text.find_first_not_of(spaces);
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(spaces) - first + 1);
}

}  // namespace

std::size_t end_of_answer(std::string_view conversation, std::string_view prompt,
                          std::string_view text) {
    // Searched from where the prompt ends: short answers occur in the template's own marks too.
    const auto parting = std::ranges::mismatch(conversation, prompt);
    const auto start = static_cast<std::size_t>(parting.in1 - conversation.begin());
    for (const std::string_view answer : {text, trimmed(text)}) {
        const std::size_t at = conversation.find(answer, start);
        if (at != std::string_view::npos) {
            return at + answer.size();
        }
    }
    return conversation.size();
}

}  // namespace hexcore
