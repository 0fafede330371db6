#include "hexcore/assistant/card_names.hpp"

#include <algorithm>
#include <array>
#include <unordered_set>

#include "hexcore/assistant/question_words.hpp"

namespace hexcore {
namespace {

// Cards use their own names: a word of a few texts may be a name.
constexpr std::uint32_t ordinary_from = 6;
// Beyond that a document is no list of cards, whose texts have some 20,000 words.
constexpr std::size_t counted_words_max = 200'000;
constexpr std::size_t name_words_max = 64;
constexpr std::size_t text_words_max = 2000;
constexpr std::size_t short_bytes = 4;

/// Words of questions that are also cards, or parts of such names, and few cards' texts have.
constexpr std::array<std::string_view, 44> everyday{
    "a",     "an",   "and",  "at",    "by",    "do",  "down", "end",   "fear", "fire", "flash",
    "fog",   "for",  "from", "go",    "haste", "ice", "if",   "in",    "is",   "it",   "last",
    "life",  "mind", "my",   "night", "not",   "of",  "off",  "on",    "or",   "out",  "stop",
    "storm", "take", "the",  "think", "time",  "to",  "turn", "twist", "up",   "with", "win"};

}  // namespace

std::string name_words(std::string_view text) {
    std::string joined;
    for (const TextWord& word : words_of(text, name_words_max)) {
        joined += (joined.empty() ? "" : " ") + word.folded;
    }
    return joined;
}

void CardNames::count_words(std::string_view card_text) {
    std::unordered_set<std::string> once;
    for (TextWord& word : words_of(card_text, text_words_max)) {
        once.insert(std::move(word.folded));
    }
    for (const std::string& word : once) {
        if (texts_with_word_.size() < counted_words_max) {
            texts_with_word_[word] += 1;
        } else if (const auto known = texts_with_word_.find(word);
                   known != texts_with_word_.end()) {
            known->second += 1;
        }
    }
}

void CardNames::add(std::int64_t passage, const std::string& spelled) {
    names_.push_back({passage, spelled});
}

bool CardNames::is_ordinary(const std::string& word) const {
    const auto counted = texts_with_word_.find(word);
    return (counted != texts_with_word_.end() && counted->second >= ordinary_from) ||
           std::find(everyday.begin(), everyday.end(), word) != everyday.end();
}

NameCare CardNames::care_of(const std::string& words) const {
    bool all_ordinary = true;
    std::size_t count = 0;
    for (const TextWord& word : words_of(words, name_words_max)) {
        all_ordinary = all_ordinary && is_ordinary(word.folded);
        count += 1;
    }
    if (all_ordinary) {
        return NameCare::inner_capitals;
    }
    return count == 1 && words.size() <= short_bytes ? NameCare::capitals : NameCare::any;
}

Result<void> CardNames::write(KnowledgeWriter& into) const {
    for (const Spelled& spelled : names_) {
        const std::string words = name_words(spelled.name);
        if (words.empty()) {
            continue;
        }
        HEXCORE_TRY_VOID(into.add_name(
            spelled.passage, {.words = words, .spelled = spelled.name, .care = care_of(words)}));
        // "Somebody, Something of Somewhere" is called Somebody.
        const std::size_t comma = spelled.name.find(", ");
        if (comma == std::string::npos || spelled.name.find("//") != std::string::npos) {
            continue;
        }
        const std::string called = spelled.name.substr(0, comma);
        const std::string called_words = name_words(called);
        if (!called_words.empty()) {
            const NameCare care = std::max(NameCare::capitals, care_of(called_words));
            HEXCORE_TRY_VOID(into.add_name(
                spelled.passage,
                {.words = called_words, .spelled = called, .care = care, .is_short = true}));
        }
    }
    return {};
}

}  // namespace hexcore
