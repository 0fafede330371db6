#include "hexcore/assistant/keyword_features.hpp"

#include <algorithm>
#include <cmath>

#include "hexcore/assistant/question_words.hpp"

namespace hexcore {
namespace {

constexpr std::size_t routed_words_most = 400;

}  // namespace

bool KeywordFeatures::KeyWord::fits(std::string_view word) const {
    if (any_start) {
        return any_end ? word.find(text) != std::string_view::npos : word.ends_with(text);
    }
    return any_end ? word.starts_with(text) : word == text;
}

KeywordFeatures::Keyword KeywordFeatures::read(std::string_view text) {
    Keyword keyword;
    keyword.at_start = text.starts_with('^');
    for (const TextWord& word : words_of(text, routed_words_most)) {
        // A star is no part of a word, and stands right beside it.
        keyword.words.push_back({word.folded, word.begin > 0 && text[word.begin - 1] == '*',
                                 word.end < text.size() && text[word.end] == '*'});
    }
    return keyword;
}

KeywordFeatures::KeywordFeatures(const AssistantDescription& assistant) {
    for (const ExpertDescription& expert : assistant.experts) {
        std::vector<Keyword>& keywords = experts_.emplace_back();
        for (const std::string& text : expert.keywords) {
            Keyword keyword = read(text);
            if (!keyword.words.empty()) {
                keywords.push_back(std::move(keyword));
            }
        }
    }
}

std::vector<std::size_t> KeywordFeatures::counts(std::string_view question) const {
    const std::vector<TextWord> words = words_of(question, routed_words_most);
    const auto stands_at = [&](const Keyword& keyword, std::size_t at) {
        if (at + keyword.words.size() > words.size() ||
            (keyword.at_start && !words[at].begins_sentence)) {
            return false;
        }
        return std::equal(
            keyword.words.begin(), keyword.words.end(),
            words.begin() + static_cast<std::ptrdiff_t>(at),
            [](const KeyWord& key, const TextWord& word) { return key.fits(word.folded); });
    };
    std::vector<std::size_t> counts;
    for (const auto& keywords : experts_) {
        std::size_t count = 0;
        for (const Keyword& keyword : keywords) {
            for (std::size_t at = 0; at < words.size(); ++at) {
                count += stands_at(keyword, at) ? 1 : 0;
            }
        }
        counts.push_back(count);
    }
    return counts;
}

std::vector<float> KeywordFeatures::of(std::string_view question) const {
    std::vector<float> features;
    for (const std::size_t count : counts(question)) {
        constexpr std::size_t counted_most = 4;
        features.push_back(count > 0 ? 1.0F : 0.0F);
        features.push_back(static_cast<float>(std::min(count, counted_most)) / counted_most);
    }
    const std::vector<TextWord> words = words_of(question, routed_words_most);
    const auto sentences = std::count_if(words.begin(), words.end(),
                                         [](const TextWord& word) { return word.begins_sentence; });
    features.push_back(std::log1p(static_cast<float>(words.size())) / 6.0F);
    const std::size_t last = question.find_last_not_of(" \r\n\t");
    features.push_back(last != std::string_view::npos && question[last] == '?' ? 1.0F : 0.0F);
    features.push_back(sentences > 1 ? 1.0F : 0.0F);
    return features;
}

std::size_t KeywordFeatures::rule_choice(std::string_view question) const {
    const std::vector<std::size_t> found = counts(question);
    return static_cast<std::size_t>(std::max_element(found.begin(), found.end()) - found.begin());
}

}  // namespace hexcore
