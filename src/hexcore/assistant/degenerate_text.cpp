#include "hexcore/assistant/degenerate_text.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "hexcore/assistant/question_words.hpp"
#include "hexcore/base/check.hpp"

namespace hexcore {
namespace {

constexpr std::size_t looked_back_bytes = 4096;
constexpr std::size_t longest_period = 400;

/// Whether the text's end is one piece again and again. Short pieces are had in tables and lines,
/// and are wrong only in plenty.
bool ends_periodically(std::string_view text) {
    constexpr std::size_t least_bytes = 64;
    constexpr std::size_t least_times = 4;
    std::size_t of_shortest = 0;  // what one or two characters again and again cover
    for (std::size_t period = 1; period <= std::min(longest_period, text.size() / 2); ++period) {
        std::size_t same = 0;
        while (same + period < text.size() &&
               text[text.size() - 1 - same] == text[text.size() - 1 - same - period]) {
            same += 1;
        }
        const std::size_t covered = same + period;
        const std::size_t enough =
            std::max(least_times * period, period < 3 ? 2 * least_bytes : least_bytes);
        if (covered >= enough && (period < 3 || covered > of_shortest)) {
            return true;
        }
        of_shortest = period < 3 ? std::max(of_shortest, covered) : of_shortest;
    }
    return false;
}

/// Rhymes, rules and lists say things twice; hardly any text says half of its runs again.
bool has_few_runs(std::string_view text) {
    constexpr std::size_t words_looked_at = 600;
    constexpr std::size_t least_words = 60;
    constexpr std::size_t run = 4;
    std::vector<std::string> words;
    for (TextWord& word : words_of(text, words_looked_at)) {
        words.push_back(std::move(word.folded));
    }
    if (words.size() < least_words) {
        return false;
    }
    std::set<std::vector<std::string>> runs;
    const std::size_t count = words.size() - run + 1;
    for (std::size_t at = 0; at < count; ++at) {
        const auto first = words.begin() + static_cast<std::ptrdiff_t>(at);
        runs.emplace(first, first + run);
    }
    return runs.size() * 2 < count;
}

bool says_anything(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char byte) {
        return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
               (byte >= '0' && byte <= '9') || static_cast<unsigned char>(byte) >= 0x80U;
    });
}

}  // namespace

const char* to_string(Degeneration degeneration) {
    switch (degeneration) {
        case Degeneration::none:
            return "is text";
        case Degeneration::empty:
            return "is empty";
        case Degeneration::only_special:
            return "has only special tokens";
        case Degeneration::repeats:
            return "repeats itself";
    }
    HEXCORE_CHECK(false, "unknown degeneration", static_cast<int>(degeneration));
}

bool repeats_itself(std::string_view text) {
    const std::size_t end = text.find_last_not_of(" \t\r\n");
    text = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    text = text.substr(text.size() - std::min(text.size(), looked_back_bytes));
    return ends_periodically(text) || has_few_runs(text);
}

Degeneration degeneration_of(std::string_view answer, std::uint64_t tokens, std::uint64_t special) {
    if (!says_anything(answer)) {
        return tokens > 0 && special == tokens ? Degeneration::only_special : Degeneration::empty;
    }
    return repeats_itself(answer) ? Degeneration::repeats : Degeneration::none;
}

}  // namespace hexcore
